//! The address rules: what is refused, and what each asker is told.

use super::*;

fn afar(peer: &str, local: &str) -> Vantage {
    Vantage::between(
        SocketAddr::new(peer.parse().unwrap(), 40000),
        SocketAddr::new(local.parse().unwrap(), 5000),
    )
}

fn lan() -> Vantage {
    afar("192.168.1.20", "192.168.1.5")
}

/// What an asker at `asker` is told of a server at `server` that registers `address`.
#[track_caller]
fn check(address: &str, server: Vantage, asker: Vantage, expected: Option<&str>) {
    let place = Place::advertised(address, 4000, server).unwrap();
    assert_eq!(
        place.seen_from(asker.outlook()).ok().as_deref(),
        expected,
        "{address} from {server:?} to {asker:?}"
    );
}

#[track_caller]
fn check_refused(address: &str, port: u16, server: Vantage, expected: &AddressError) {
    assert_eq!(Place::advertised(address, port, server).as_ref(), Err(expected));
}

#[test]
fn a_plain_address_is_told_to_everyone() {
    for address in ["10.1.2.3", "2001:db8::7", "chat.example", "host_1", "a.b.example."] {
        check(address, Vantage::Beside, lan(), Some(address));
        check(address, lan(), Vantage::Beside, Some(address));
    }
    check("::ffff:10.1.2.3", lan(), lan(), Some("10.1.2.3"));
}

#[test]
fn an_unspecified_address_from_afar_is_the_one_the_binder_sees() {
    for address in ["0.0.0.0", "::"] {
        check(address, lan(), Vantage::Beside, Some("192.168.1.20"));
        check(address, lan(), afar("172.16.0.9", "172.16.0.1"), Some("192.168.1.20"));
    }
}

#[test]
fn a_server_beside_the_binder_is_where_the_asker_reached_the_binder() {
    check("0.0.0.0", Vantage::Beside, lan(), Some("192.168.1.5"));
    check("0.0.0.0", Vantage::Beside, afar("172.16.0.9", "172.16.0.1"), Some("172.16.0.1"));
    check("0.0.0.0", Vantage::Beside, Vantage::Beside, Some("127.0.0.1"));
    check("::", Vantage::Beside, afar("2001:db8::9", "2001:db8::1"), Some("2001:db8::1"));
    check("::", Vantage::Beside, lan(), Some("192.168.1.5"));
    check("::", Vantage::Beside, Vantage::Beside, Some("::1"));
}

#[test]
fn a_server_on_ipv4_alone_is_not_told_at_an_ipv6_address() {
    check("0.0.0.0", Vantage::Beside, afar("2001:db8::9", "2001:db8::1"), None);
}

#[test]
fn loopback_is_told_beside_the_binder_and_a_sentence_afar() {
    for address in ["127.0.0.1", "127.8.8.8", "::1", "localhost", "db.localhost", "LOCALHOST."] {
        check(address, Vantage::Beside, Vantage::Beside, Some(address));
        check(address, Vantage::Beside, lan(), None);
    }
}

#[test]
fn loopback_from_afar_is_refused_in_words() {
    for address in ["127.0.0.1", "127.1.2.3", "::1", "localhost"] {
        let peer = "192.168.1.20".parse().unwrap();
        check_refused(
            address,
            4000,
            lan(),
            &AddressError::LoopbackFromAfar { address: address.into(), peer },
        );
    }
    let mapped =
        AddressError::LoopbackFromAfar { address: "127.0.0.1".into(), peer: "192.168.1.20".parse().unwrap() };
    check_refused("::ffff:127.0.0.1", 4000, lan(), &mapped);
    assert!(mapped.to_string().contains("this server is on 192.168.1.20, not beside the binder"));
}

#[test]
fn a_machine_that_calls_itself_by_its_outer_address_is_beside() {
    assert_eq!(afar("192.168.1.5", "192.168.1.5"), Vantage::Beside);
    assert_eq!(afar("::ffff:127.0.0.1", "::ffff:127.0.0.1"), Vantage::Beside);
    assert_eq!(Vantage::of(&Context::background()), Vantage::Beside);
}

#[test]
fn empty_and_long_addresses_and_port_zero_are_refused() {
    check_refused("", 4000, Vantage::Beside, &AddressError::Empty);
    check_refused("10.1.2.3", 0, Vantage::Beside, &AddressError::PortZero);
    let label = "a".repeat(ADDRESS_BYTES);
    assert!(Place::advertised(&label, 4000, Vantage::Beside).is_ok());
    check_refused(&format!("{label}a"), 4000, Vantage::Beside, &AddressError::TooLong { bytes: 256 });
}

#[test]
fn what_is_neither_address_nor_name_is_refused() {
    for address in
        ["300.1.1.1", "1.2.3", "[::1]", "10.1.2.3:80", "a b", "a..b", ".", "a\n", "h\u{f6}st", "-.1"]
    {
        check_refused(address, 4000, Vantage::Beside, &AddressError::Malformed { address: address.into() });
    }
    for address in ["224.0.0.1", "255.255.255.255", "ff02::1"] {
        let expected = AddressError::Multicast { address: address.parse().unwrap() };
        check_refused(address, 4000, Vantage::Beside, &expected);
    }
}
