//! A TCP port beside the UDP one, for people who expect a daemon there: a Salt minion on ZeroMQ connects to its master's port
//! and waits for ever. Says who came and closes; reads and answers nothing.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;

/// Hears connections until it is dropped.
#[derive(Debug)]
pub struct Ear {
    came: mpsc::Receiver<SocketAddr>,
    task: tokio::task::JoinHandle<()>,
}

/// Between two connections: what is heard is for people, and whoever comes again is heard again.
const REST: Duration = Duration::from_secs(10);
/// Connections that wait in the kernel meanwhile.
const WAITING: u32 = 8;

impl Ear {
    /// Listens at this address. Fails where somebody else does: a Salt master on ZeroMQ, say.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(WAITING)?;
        let (tell, came) = mpsc::channel(1);
        Ok(Self { came, task: tokio::spawn(hear(listener, tell)) })
    }

    /// Who came since, if somebody did.
    pub fn poll(&mut self) -> Option<SocketAddr> {
        self.came.try_recv().ok()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hear(listener: TcpListener, tell: mpsc::Sender<SocketAddr>) {
    loop {
        if let Ok((_, from)) = listener.accept().await
            && tell.send(from).await.is_err()
        {
            return;
        }
        tokio::time::sleep(REST).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn who_comes_is_told_and_sent_away() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        assert!(Ear::bind(address).is_err(), "somebody is there");
        drop(free);
        let mut ear = Ear::bind(address).unwrap();
        let guest = TcpStream::connect(address).await.unwrap();
        let from = guest.local_addr().unwrap();
        // It is closed when it was heard.
        guest.readable().await.unwrap();
        assert_eq!(guest.try_read(&mut [0; 8]).unwrap(), 0);
        let heard = async {
            loop {
                match ear.poll() {
                    Some(from) => return from,
                    None => tokio::task::yield_now().await,
                }
            }
        };
        assert_eq!(heard.await, from);
    }
}
