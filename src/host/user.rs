//! Becoming the user of the `user` setting, before anything is opened; makes its directories while it may.

use std::os::unix::fs::DirBuilderExt;

use nix::unistd::{Gid, Uid, User, initgroups, setgid, setuid};

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
    make_directories(settings, user.uid, user.gid)?;
    let change = || -> nix::Result<()> {
        let c_name = std::ffi::CString::new(name.as_str()).map_err(|_| nix::errno::Errno::EINVAL)?;
        initgroups(&c_name, user.gid)?;
        setgid(user.gid)?;
        setuid(user.uid)
    };
    change().map_err(|error| Stop::config(format_args!("cannot become user '{name}': {error}")))
}

/// Makes the daemon's directories that are missing, for the user it becomes: later it may not.
fn make_directories(settings: &Settings, uid: Uid, gid: Gid) -> Result<(), Stop> {
    // Command lines of the socket's group pass through its directory.
    for (dir, mode) in [(&settings.pki_dir, 0o700), (&settings.cachedir, 0o700), (&settings.sock_dir, 0o750)] {
        let make = || -> std::io::Result<()> {
            if dir.exists() {
                return Ok(());
            }
            if let Some(parent) = dir.parent() {
                std::fs::create_dir_all(parent)?;
            }
            // Nobody but root may write here yet, so what is made is what is given away.
            std::fs::DirBuilder::new().mode(mode).create(dir)?;
            std::os::unix::fs::lchown(dir, Some(uid.as_raw()), Some(gid.as_raw()))
        };
        make().map_err(|error| Stop::config(format_args!("cannot make {}: {error}", dir.display())))?;
    }
    Ok(())
}
