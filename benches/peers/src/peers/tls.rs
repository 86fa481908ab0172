//! TCP, in the clear and under TLS 1.3 with client certificates (rustls), with the kernel's CUBIC or BBR.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::pki_types::ServerName;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{End, Found, Peer, certificates, runtime, stream};
use crate::meter::Meter;
use crate::work::{CROWD, Figures, Job, Work};

/// TCP with a congestion control, secured or not.
pub(crate) struct Tcp {
    name: &'static str,
    congestion: &'static str,
    secured: bool,
}

pub(crate) static CUBIC: Tcp = Tcp { name: "TLS CUBIC", congestion: "cubic", secured: true };
pub(crate) static BBR: Tcp = Tcp { name: "TLS BBR", congestion: "bbr", secured: true };
pub(crate) static CLEAR: Tcp = Tcp { name: "TCP, clear", congestion: "cubic", secured: false };

impl Peer for Tcp {
    fn name(&self) -> &'static str {
        self.name
    }

    fn can(&self, work: Work) -> bool {
        // On loopback nothing is lost, and CUBIC stands for both.
        let lossy = matches!(work, Work::Bulk | Work::Paced);
        has(self.congestion) && (lossy || self.congestion == "cubic")
    }

    fn datagrams(&self) -> bool {
        false
    }

    fn congestion(&self) -> Option<&'static str> {
        Some(self.congestion)
    }

    fn serve(&self, end: &End, meter: Arc<Meter>, tell: &dyn Fn(Found)) -> Result<Infallible> {
        let acceptor = TlsAcceptor::from(Arc::new(certificates::server(end.folder)?));
        runtime()?.block_on(async {
            let listener = self.listener((end.ip, 0).into())?;
            tell(Found { at: listener.local_addr()?, key: String::new() });
            loop {
                let (socket, _) = listener.accept().await?;
                socket.set_nodelay(true)?;
                let (acceptor, meter, secured) = (acceptor.clone(), Arc::clone(&meter), self.secured);
                tokio::spawn(async move {
                    if secured {
                        stream::serve(acceptor.accept(socket).await?, meter).await
                    } else {
                        stream::serve(socket, meter).await
                    }
                });
            }
        })
    }

    fn drive(&self, end: &End, to: &Found, job: Job, tell: &dyn Fn(Figures)) -> Result<Infallible> {
        let connector = TlsConnector::from(Arc::new(certificates::client(end.folder)?));
        let (at, congestion) = (to.at, self.congestion);
        runtime()?.block_on(async {
            if self.secured {
                let connect = move || {
                    let connector = connector.clone();
                    async move {
                        let name = ServerName::try_from(certificates::NAME)?;
                        Ok(connector.connect(name, dial(at, congestion).await?).await?)
                    }
                };
                let (figures, _held) = stream::drive(connect, job).await?;
                tell(figures);
                pending().await
            } else {
                let (figures, _held) = stream::drive(move || dial(at, congestion), job).await?;
                tell(figures);
                pending().await
            }
        })
    }
}

impl Tcp {
    fn listener(&self, at: SocketAddr) -> Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_tcp_congestion(self.congestion.as_bytes()).context(self.congestion)?;
        socket.bind(&at.into())?;
        socket.listen(CROWD as i32)?;
        socket.set_nonblocking(true)?;
        Ok(TcpListener::from_std(socket.into())?)
    }
}

async fn dial(at: SocketAddr, congestion: &'static str) -> Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_tcp_congestion(congestion.as_bytes()).context(congestion)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(TcpSocket::from_std_stream(socket.into()).connect(at).await?)
}

/// Whether the kernel knows this congestion control; a module is loaded by the first socket that asks for it.
pub(crate) fn has(congestion: &str) -> bool {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP));
    socket.is_ok_and(|socket| socket.set_tcp_congestion(congestion.as_bytes()).is_ok())
}
