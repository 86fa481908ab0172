//! Becoming the user of the `user` setting, before anything is opened.

use nix::unistd::{Uid, User, initgroups, setgid, setuid};

use super::serve::Stop;
use super::settings::Settings;

/// Changes to the settings' user, when there is one and it is not this one already.
pub(super) fn become_user(settings: &Settings) -> Result<(), Stop> {
    let Some(name) = &settings.user else { return Ok(()) };
    let user = User::from_name(name).map_err(Stop::config)?;
    let Some(user) = user else {
        return Err(Stop::config(format_args!("there is no user '{name}' here; create it or change `user`")));
    };
    if user.uid == Uid::effective() {
        return Ok(());
    }
    if !Uid::effective().is_root() {
        return Err(Stop::config(format_args!(
            "only root can run as '{name}'; start as root or as '{name}', or remove `user`"
        )));
    }
    let change = || -> nix::Result<()> {
        let c_name = std::ffi::CString::new(name.as_str()).map_err(|_| nix::errno::Errno::EINVAL)?;
        initgroups(&c_name, user.gid)?;
        setgid(user.gid)?;
        setuid(user.uid)
    };
    change().map_err(|error| Stop::config(format_args!("cannot become user '{name}': {error}")))
}
