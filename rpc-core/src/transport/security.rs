//! What protects a connection's bytes: nothing, or TLS.

use std::io;
use std::sync::Arc;

#[cfg(feature = "tls")]
use super::{ClientTls, ServerTls, tls::Tls};
use super::{Socket, Transport, Wanted};

/// How a client's connections are protected.
#[derive(Clone, Debug, Default)]
pub(crate) enum ClientSecurity {
    #[default]
    Plain,
    #[cfg(feature = "tls")]
    Tls(ClientTls),
}

impl ClientSecurity {
    /// A connection to the server that is reached as `host`, ready for bytes. What protects it is agreed on with the
    /// server as long as that is `wanted`.
    pub(crate) fn secure(
        &self,
        socket: Socket,
        host: &str,
        wanted: Wanted<'_>,
    ) -> io::Result<Arc<dyn Transport>> {
        match self {
            ClientSecurity::Plain => {
                // Nothing is to be agreed on.
                let _ = (host, wanted);
                Ok(Arc::new(socket))
            }
            #[cfg(feature = "tls")]
            ClientSecurity::Tls(tls) => Ok(Arc::new(Tls::connect(socket, tls, host, wanted)?)),
        }
    }
}

/// How a server's connections are protected.
#[derive(Clone, Debug, Default)]
pub(crate) enum ServerSecurity {
    #[default]
    Plain,
    #[cfg(feature = "tls")]
    Tls(ServerTls),
}

impl ServerSecurity {
    /// A connection that has come, to be [established](Transport::establish).
    pub(crate) fn secure(&self, socket: Socket) -> io::Result<Arc<dyn Transport>> {
        match self {
            ServerSecurity::Plain => Ok(Arc::new(socket)),
            #[cfg(feature = "tls")]
            ServerSecurity::Tls(tls) => Ok(Arc::new(Tls::accepted(socket, tls)?)),
        }
    }
}
