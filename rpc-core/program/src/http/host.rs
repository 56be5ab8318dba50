//! Whether a `Host` header means this very server.
//!
//! A page of another site may have its name point to 127.0.0.1 and so reach us through a browser, as its own origin. The
//! name is then that site's, and is refused; an address cannot be made to point elsewhere.

use std::net::IpAddr;

/// By which names a server may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// By the address at which it was reached, and `localhost` there: what it shows is for those alone who can reach it
    /// themselves.
    Own,
    /// By any name: what it shows is for everybody whose machine reaches it, under the names that his network has for it.
    Any,
}

impl Hosts {
    /// Whether a browser or scraper that was sent to `host` is answered by the server that it reached at `local`.
    pub(super) fn allow(self, host: &str, local: IpAddr) -> bool {
        self == Hosts::Any || is_ours(host, local)
    }
}

/// Whether a browser that was sent to `host` meant the server that it reached at `local`. The port is not looked at: it may
/// have been forwarded.
fn is_ours(host: &str, local: IpAddr) -> bool {
    let local = local.to_canonical();
    let name = without_port(host);
    if name.eq_ignore_ascii_case("localhost") {
        return local.is_loopback();
    }
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical() == local)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !ends_within_brackets(name) =>
        {
            name
        }
        _ => host,
    }
}

fn ends_within_brackets(name: &str) -> bool {
    name.starts_with('[') && !name.ends_with(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, local: &str, ours: bool) {
        assert_eq!(is_ours(host, local.parse().unwrap()), ours, "{host} at {local}");
    }

    #[test]
    fn the_address_that_was_reached_is_ours_with_and_without_a_port() {
        for host in ["127.0.0.1", "127.0.0.1:5080", "localhost", "LocalHost:5080", "localhost:80"] {
            check(host, "127.0.0.1", true);
        }
        for host in ["[::1]", "[::1]:5080", "localhost:5080"] {
            check(host, "::1", true);
        }
        check("192.168.1.4:5080", "192.168.1.4", true);
        check("192.168.1.4:5080", "::ffff:192.168.1.4", true);
    }

    #[test]
    fn names_of_others_and_other_addresses_are_not_ours() {
        for host in [
            "evil.example",
            "evil.example:5080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "127.0.0.2",
            "",
            ":5080",
            "127.0.0.1:5080:80",
            "[::1",
            "user@127.0.0.1",
            "0x7f.1",
            "2130706433",
        ] {
            check(host, "127.0.0.1", false);
        }
        check("localhost", "192.168.1.4", false);
        check("127.0.0.1", "192.168.1.4", false);
    }

    #[test]
    fn who_is_for_everybody_has_any_name() {
        let local = "192.168.1.4".parse().unwrap();
        assert!(
            Hosts::Any.allow("chat.example:9464", local) && !Hosts::Own.allow("chat.example:9464", local)
        );
    }
}
