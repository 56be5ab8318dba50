//! Who trusts whom, and what is said where it is not so.

use std::os::unix::net::UnixStream;

use rcgen::{ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use rpc_core::layers::Authentication;
use rpc_core::{Client, Code, Limits, Status, TlsVersion};

use crate::lab::{Authority, HOST, Lab as _, VERSIONS, check_unreachable, lab, serve, stand};

#[test]
fn a_call_is_answered_over_either_version() {
    let authority = Authority::new("lab");
    for version in VERSIONS {
        let stand = serve(&authority.server(&[HOST]));
        let client = stand.client(&authority.client().with_version(version).unwrap());
        assert_eq!(client.echo("olá".to_owned()).unwrap(), "olá");
        assert_eq!(client.whoami().unwrap_err().code(), Code::Unauthenticated);
    }
}

#[test]
fn a_server_knows_its_clients_by_their_certificates() {
    let authority = Authority::new("lab");
    for version in VERSIONS {
        let tls = authority.server(&[HOST]).with_client_ca_pem(authority.pem()).unwrap();
        let stand = serve(&tls.with_version(version).unwrap());
        let client = stand.client(&authority.client_named("ana"));
        assert_eq!(client.whoami().unwrap(), ["ana"]);
        // A session that is resumed has the same owner.
        let again = stand.client(&authority.client_named("ana"));
        assert_eq!(again.whoami().unwrap(), ["ana"]);
        let paper = authority.issue_as(&["bob.example"], |params| {
            params.subject_alt_names.push(SanType::URI("urn:lab:bob".try_into().unwrap()));
        });
        let bob = authority.client().with_identity_pem(paper.certificate, paper.key).unwrap();
        assert_eq!(stand.client(&bob).whoami().unwrap(), ["bob.example", "urn:lab:bob"]);
    }
}

#[test]
fn a_layer_lets_in_those_whose_certificates_it_knows() {
    let authority = Authority::new("lab");
    let tls = authority.server(&[HOST]).with_client_ca_pem(authority.pem()).unwrap();
    let known = Authentication::of_certificates(["ana", "bia"]);
    let stand =
        stand(Limits::default(), |builder| builder.layer(known).tls(tls).bind("127.0.0.1:0").unwrap());
    assert_eq!(stand.client(&authority.client_named("ana")).echo("olá".to_owned()), Ok("olá".to_owned()));
    let refused = stand.client(&authority.client_named("eve")).echo("olá".to_owned()).unwrap_err();
    assert_eq!(refused, Status::unauthenticated("eve is not known here").not_run());
}

#[test]
fn connections_of_one_client_resume_with_the_same_identity() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]).with_client_ca_pem(authority.pem()).unwrap());
    let tls = authority.client_named("ana");
    for _ in 0..3 {
        assert_eq!(stand.client(&tls).whoami().unwrap(), ["ana"]);
    }
}

/// A client that no certificate of is taken learns why, and that its call did not run.
#[track_caller]
fn check_client_refused(server: &Authority, client: &rpc_core::ClientTls, words: &str) {
    for version in VERSIONS {
        let tls = server.server(&[HOST]).with_client_ca_pem(server.pem()).unwrap();
        let stand = serve(&tls.with_version(version).unwrap());
        check_unreachable(&stand.client(client), words);
    }
}

#[test]
fn a_client_without_the_certificate_that_is_asked_for_is_refused() {
    let authority = Authority::new("lab");
    let words = "the server asks for a certificate, and none was given";
    check_client_refused(&authority, &authority.client(), words);
}

#[test]
fn a_server_may_take_clients_without_a_certificate_beside_those_with_a_good_one() {
    let (authority, other) = (Authority::new("lab"), Authority::new("other"));
    let paper = other.named("eve");
    let eve = authority.client().with_identity_pem(paper.certificate, paper.key).unwrap();
    for version in VERSIONS {
        let tls = authority.server(&[HOST]).with_client_ca_pem(authority.pem()).unwrap();
        let tls = tls.with_anonymous_clients().unwrap().with_version(version).unwrap();
        tls.reload().unwrap();
        let stand = serve(&tls);
        assert_eq!(stand.client(&authority.client()).whoami().unwrap_err().code(), Code::Unauthenticated);
        assert_eq!(stand.client(&authority.client()).echo("olá".to_owned()), Ok("olá".to_owned()));
        assert_eq!(stand.client(&authority.client_named("ana")).whoami().unwrap(), ["ana"]);
        check_unreachable(
            &stand.client(&eve),
            "the server does not trust the authority of this side's certificate",
        );
    }
}

#[test]
fn a_client_of_another_authority_is_refused() {
    let (authority, other) = (Authority::new("lab"), Authority::new("other"));
    let paper = other.named("eve");
    let eve = authority.client().with_identity_pem(paper.certificate, paper.key).unwrap();
    check_client_refused(
        &authority,
        &eve,
        "the server does not trust the authority of this side's certificate",
    );
}

#[test]
fn a_client_whose_certificate_has_expired_is_refused() {
    let authority = Authority::new("lab");
    let paper = authority.issue_as(&["old.example"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let old = authority.client().with_identity_pem(paper.certificate, paper.key).unwrap();
    check_client_refused(&authority, &old, "the server says that this side's certificate is not valid now");
}

#[test]
fn a_client_whose_certificate_is_for_servers_only_is_refused() {
    let authority = Authority::new("lab");
    let paper = authority.issue_as(&["x.example"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let wrong = authority.client().with_identity_pem(paper.certificate, paper.key).unwrap();
    check_client_refused(&authority, &wrong, "the server does not take this side's certificate");
}

/// A server with this certificate is not trusted by a client of `authority`.
#[track_caller]
fn check_server_refused(authority: &Authority, paper: &crate::lab::Paper, words: &str) {
    for version in VERSIONS {
        let stand = serve(&paper.server());
        check_unreachable(&stand.client(&authority.client().with_version(version).unwrap()), words);
    }
}

#[test]
fn a_server_of_another_name_is_not_trusted() {
    let authority = Authority::new("lab");
    let words = "the server's certificate is for a.example, 10.0.0.1, you asked for localhost";
    check_server_refused(&authority, &authority.issue(&["a.example", "10.0.0.1"]), words);
    let words = "the server's certificate is for no name, you asked for localhost";
    check_server_refused(&authority, &authority.named(HOST), words);
}

#[test]
fn a_server_of_another_authority_is_not_trusted() {
    let (authority, other) = (Authority::new("lab"), Authority::new("other"));
    let words = "the server's certificate is not of an authority that this side trusts";
    check_server_refused(&authority, &other.issue(&[HOST]), words);
    // The name alone makes no authority.
    let namesake = Authority::new("lab");
    let words = "the server's certificate was not signed by the authority that it names";
    check_server_refused(&authority, &namesake.issue(&[HOST]), words);
}

#[test]
fn a_server_is_not_trusted_before_or_after_its_time() {
    let authority = Authority::new("lab");
    let old = authority.issue_as(&[HOST], |params| params.not_after = date_time_ymd(2020, 1, 1));
    check_server_refused(&authority, &old, " days ago");
    let early = authority.issue_as(&[HOST], |params| params.not_before = date_time_ymd(3000, 1, 1));
    check_server_refused(&authority, &early, " days from now: are both clocks right?");
}

#[test]
fn a_server_with_a_certificate_for_clients_only_is_not_trusted() {
    let authority = Authority::new("lab");
    let paper = authority.issue_as(&[HOST], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    check_server_refused(&authority, &paper, "the server's certificate is not for servers");
}

#[test]
fn versions_that_do_not_meet_are_refused_in_words() {
    let authority = Authority::new("lab");
    for (of_server, of_client) in
        [(TlsVersion::Tls13, TlsVersion::Tls12), (TlsVersion::Tls12, TlsVersion::Tls13)]
    {
        let stand = serve(&authority.server(&[HOST]).with_version(of_server).unwrap());
        let client = stand.client(&authority.client().with_version(of_client).unwrap());
        check_unreachable(&client, "the server has no version of TLS in common with this side");
    }
}

#[test]
fn an_address_is_a_name_that_a_certificate_may_have() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&["127.0.0.1"]));
    let address = stand.server.address().to_string();
    let client = lab(&Client::connect(&address).with_tls(authority.client()));
    assert_eq!(client.echo("by address".to_owned()).unwrap(), "by address");
    let words = "the server's certificate is for 127.0.0.1, you asked for localhost";
    check_unreachable(&stand.client(&authority.client()), words);
}

#[test]
fn a_server_name_of_ones_own_stands_for_any_host() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&["chat.example"]));
    let named = authority.client().with_server_name("chat.example").unwrap();
    assert_eq!(stand.client(&named).echo("x".to_owned()).unwrap(), "x");
    let address = stand.server.address().to_string();
    assert_eq!(lab(&Client::connect(address).with_tls(named)).echo("x".to_owned()).unwrap(), "x");
    let wrong = authority.client().with_server_name("other.example").unwrap();
    let words = "the server's certificate is for chat.example, you asked for other.example";
    check_unreachable(&stand.client(&wrong), words);
}

#[test]
fn a_socket_without_a_host_needs_a_server_name() {
    let authority = Authority::new("lab");
    let stand = serve(&authority.server(&[HOST]));
    let dial = || {
        let (near, far) = UnixStream::pair().unwrap();
        stand.server.adopt(near).unwrap();
        Client::over(far)
    };
    let words =
        "there is no host name that its certificate could be for: say which, as the server name of TLS";
    check_unreachable(&lab(&dial().with_tls(authority.client())), words);
    let named = authority.client().with_server_name(HOST).unwrap();
    assert_eq!(lab(&dial().with_tls(named.clone())).echo("x".to_owned()).unwrap(), "x");
    let in_memory = lab(&Client::over(&stand.server).with_tls(named));
    assert_eq!(in_memory.echo("x".to_owned()).unwrap(), "x");
}

#[test]
fn a_host_that_is_no_name_is_told_so() {
    let authority = Authority::new("lab");
    let client = lab(&Client::connect("not_a..name:1").with_tls(authority.client()));
    let status = client.echo("x".to_owned()).unwrap_err();
    assert!(!status.may_have_run(), "{status}");
    let error = authority.client().with_server_name("a b").unwrap_err();
    let words = "\"a b\" is no name of a server: expected a host name such as chat.example, or an IP address";
    assert_eq!(error.to_string(), words);
}
