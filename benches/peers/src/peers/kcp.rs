//! KCP in the clear, in its fastest setting: no congestion control, a window of 1,024 packets.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use anyhow::Result;
use tokio_kcp::{KcpConfig, KcpListener, KcpNoDelayConfig, KcpStream};

use super::{End, Found, Peer, runtime, stream};
use crate::meter::Meter;
use crate::work::{Figures, Job, Work};

/// KCP.
pub(crate) struct Kcp;

pub(crate) static KCP: Kcp = Kcp;

impl Peer for Kcp {
    fn name(&self) -> &'static str {
        "KCP, clear"
    }

    fn can(&self, work: Work) -> bool {
        // It has no handshake, and nothing to say about who is there.
        matches!(work, Work::Bulk | Work::Paced | Work::Request | Work::Flood)
    }

    fn serve(&self, end: &End, meter: Arc<Meter>, tell: &dyn Fn(Found)) -> Result<Infallible> {
        runtime()?.block_on(async {
            let mut listener = KcpListener::bind(config(), (end.ip, 0)).await?;
            tell(Found { at: listener.local_addr()?, key: String::new() });
            loop {
                let (connection, _) = listener.accept().await?;
                tokio::spawn(stream::serve(connection, Arc::clone(&meter)));
            }
        })
    }

    fn drive(&self, _: &End, to: &Found, job: Job, tell: &dyn Fn(Figures)) -> Result<Infallible> {
        let at = to.at;
        runtime()?.block_on(async {
            let connect = move || async move { Ok(KcpStream::connect(&config(), at).await?) };
            let (figures, _held) = stream::drive(connect, job).await?;
            tell(figures);
            pending().await
        })
    }
}

fn config() -> KcpConfig {
    KcpConfig {
        nodelay: KcpNoDelayConfig::fastest(),
        wnd_size: (1_024, 1_024),
        flush_write: true,
        flush_acks_input: true,
        stream: true,
        ..KcpConfig::default()
    }
}
