//! Ways to a server that are no address.

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use super::Socket;

/// What [`Client::over`](crate::Client::over) is given instead of an address, made with `From`: a connected socket
/// ([`TcpStream`], [`UnixStream`], [`Socket`]), or a server of this process (`&`[`Server`](crate::Server)).
#[derive(Clone)]
pub struct Way(Arc<Kind>);

enum Kind {
    /// A socket, until it is taken.
    Given(Mutex<Option<Socket>>),
    Dialled(&'static str, Dial),
}

type Dial = Box<dyn Fn() -> io::Result<Socket> + Send + Sync>;

impl Way {
    /// A way that is taken by calling `dial`, as often as wanted; `name` is for messages.
    pub(crate) fn dialled(
        name: &'static str,
        dial: impl Fn() -> io::Result<Socket> + Send + Sync + 'static,
    ) -> Way {
        Way(Arc::new(Kind::Dialled(name, Box::new(dial))))
    }

    /// What messages call the server at the other end.
    pub(crate) fn name(&self) -> &'static str {
        match &*self.0 {
            Kind::Given(_) => "the peer of a passed-in socket",
            Kind::Dialled(name, _) => name,
        }
    }

    /// Whether it can be gone only once.
    pub(crate) fn is_single(&self) -> bool {
        matches!(&*self.0, Kind::Given(_))
    }

    pub(crate) fn connect(&self) -> io::Result<Socket> {
        match &*self.0 {
            Kind::Given(socket) => {
                let socket = socket.lock().unwrap_or_else(PoisonError::into_inner).take();
                socket.ok_or_else(|| io::Error::other("the socket was used before"))?.prepared()
            }
            Kind::Dialled(_, dial) => dial()?.prepared(),
        }
    }
}

impl From<Socket> for Way {
    fn from(socket: Socket) -> Way {
        Way(Arc::new(Kind::Given(Mutex::new(Some(socket)))))
    }
}

impl From<TcpStream> for Way {
    fn from(stream: TcpStream) -> Way {
        Socket::from(stream).into()
    }
}

impl From<UnixStream> for Way {
    fn from(stream: UnixStream) -> Way {
        Socket::from(stream).into()
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Way").field(&self.name()).finish()
    }
}
