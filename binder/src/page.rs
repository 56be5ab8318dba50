//! A page to look at: what is registered and how the binder is, for people and for Prometheus. It changes nothing.
//!
//! | path | |
//! |---|---|
//! | `/` | the page; it asks for `/state.json` again and again while somebody looks |
//! | `/state.json` | the binder's [`Stats`](crate::Stats) and registrations, those that `contains` names |
//! | `/metrics` | the same as numbers, and what the server counts, in Prometheus' text format |
//! | `/healthz` | `ok` as long as the binder answers |

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use rpc_program::http::{Answer, Hosts, HttpServer, Kind, Request, Response, Status};
use rpc_program::metrics;

use crate::contract::Binder;
use crate::error::BinderError;
use crate::meter::BinderMeter;
use crate::server::BinderServer;

mod state;

/// A binder's page on an address of its own. Dropping it ends it.
///
/// It asks nobody who he is, and shows what anybody may look up: of a binder whose lookups are not open
/// ([`Lookups::Open`](crate::Lookups::Open)) it shows nothing. A loopback address keeps it to this machine.
#[derive(Debug)]
pub struct PageServer(HttpServer);

impl PageServer {
    /// Shows this binder; port 0 takes any free port. It goes on until it is dropped, also when the binder has ended.
    ///
    /// # Errors
    /// What the system says of the address, or of the thread.
    pub fn start(address: impl ToSocketAddrs, binder: &BinderServer) -> io::Result<PageServer> {
        let (names, meter, place) = (binder.names(), binder.meter(), binder.address());
        let answer: Arc<Answer> =
            Arc::new(move |request: &Request| answer((&*names, &meter), place, request));
        HttpServer::start(address, Hosts::Own, answer).map(PageServer)
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

fn answer((binder, meter): (&impl Binder, &BinderMeter), place: SocketAddr, request: &Request) -> Response {
    match request.path() {
        "/" => Response::new(Kind::Html, PAGE.as_bytes()),
        "/page.css" => Response::new(Kind::Css, STYLE.as_bytes()),
        "/page.js" => Response::new(Kind::Script, SCRIPT.as_bytes()),
        "/icon.svg" => Response::new(Kind::Svg, ICON.as_bytes()),
        "/state.json" => {
            let contains = request.field("contains").unwrap_or_default();
            state::json(binder, place, &contains).unwrap_or_else(|error| refusal(&error))
        }
        "/metrics" => match binder.stats() {
            Ok(stats) => metrics::response(meter.with(&stats)),
            Err(error) => refusal(&error),
        },
        "/healthz" => match binder.stats() {
            // Who may not look may still know that it answers.
            Ok(_) | Err(BinderError::Access(_)) => Response::sentence(Status::Ok, "ok"),
            Err(error) => refusal(&error),
        },
        _ => Response::sentence(Status::NotFound, "there are /, /state.json, /metrics and /healthz"),
    }
}

fn refusal(error: &BinderError) -> Response {
    let status = match error {
        BinderError::Access(_) => Status::Forbidden,
        _ => Status::Internal,
    };
    Response::sentence(status, &error.to_string())
}

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
const ICON: &str = include_str!("page/icon.svg");
