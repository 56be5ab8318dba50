//! Files that are not what they should be.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use rpc_core::{ClientTls, ServerTls, TlsError};

use crate::lab::{Authority, HOST, Paper};

/// Both lines of an error: what failed, and why.
fn words(error: &TlsError) -> String {
    error.source().map_or_else(|| error.to_string(), |why| format!("{error}: {why}"))
}

#[track_caller]
fn check_server(certificate: &str, key: &str, expected: &str) {
    let error = ServerTls::from_pem(certificate, key).unwrap_err();
    assert_eq!(words(&error), expected);
}

fn paper() -> Paper {
    Authority::new("lab").issue(&[HOST])
}

#[test]
fn what_is_not_pem_or_not_what_is_looked_for_is_told() {
    let Paper { certificate, key } = paper();
    let none = "the given certificate has no certificate in it: expected PEM, a block that begins with -----BEGIN CERTIFICATE-----";
    check_server("", &key, none);
    check_server("hello", &key, none);
    check_server(&key, &key, none);
    let none = "the given key has no private key in it: expected PEM, a block that begins with -----BEGIN PRIVATE KEY-----";
    check_server(&certificate, "", none);
    check_server(&certificate, &certificate, none);
    let cut = &certificate[..certificate.len() / 2];
    check_server(cut, &key, "the given certificate is not PEM: a block has no -----END line");
    let damaged = certificate.replacen("MI", "!!", 1);
    check_server(&damaged, &key, "the given certificate is not PEM: a block is not base64");
    let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let words = "the given key has a key that is encrypted with a passphrase: expected a key as it is, in a file that only its owner reads";
    check_server(&certificate, &encrypted, words);
}

#[test]
fn a_block_that_holds_no_certificate_or_key_is_told() {
    let Paper { certificate, key } = paper();
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let error = ServerTls::from_pem(empty, &key).unwrap_err();
    assert!(words(&error).starts_with("TLS does not take the given certificate: "), "{}", words(&error));
    let empty = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let error = ServerTls::from_pem(&certificate, empty).unwrap_err();
    assert!(words(&error).starts_with("TLS does not take the given key: "), "{}", words(&error));
    let error = ClientTls::with_ca_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let said = words(&error.unwrap_err());
    assert!(said.starts_with("TLS does not take the given authority: "), "{said}");
}

#[test]
fn a_key_of_another_certificate_is_told() {
    let (one, other) = (paper(), paper());
    let expected = "the key in the given key is not the key of the certificate in the given certificate";
    check_server(&one.certificate, &other.key, expected);
    let client = Authority::new("lab").client().with_identity_pem(&one.certificate, &other.key);
    assert_eq!(words(&client.unwrap_err()), expected);
}

#[test]
fn a_file_is_named_with_what_is_wrong_with_it() {
    let folder = std::env::temp_dir().join(format!("rpc-core-papers-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let Paper { certificate, key } = paper();
    let (certificate, key, other) =
        (write("cert.pem", &certificate), write("key.pem", &key), write("other.key", &paper().key));
    ServerTls::from_files(&certificate, &key).unwrap();
    let missing = folder.join("none.pem");
    let error = ServerTls::from_files(&missing, &key).unwrap_err();
    let expected = format!("cannot read {}: No such file or directory (os error 2)", missing.display());
    assert_eq!(words(&error), expected);
    let error = ServerTls::from_files(&certificate, &other).unwrap_err();
    let (key, certificate) = (other.display(), certificate.display());
    assert_eq!(words(&error), format!("the key in {key} is not the key of the certificate in {certificate}"));
    let large = write("large.pem", &"x".repeat((4 << 20) + 1));
    assert_eq!(
        words(&ClientTls::with_ca(&large).unwrap_err()),
        format!("{} is larger than 4 MiB", large.display())
    );
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn nothing_that_is_printed_shows_a_key() {
    let Paper { certificate, key } = paper();
    let shown = format!("{:?}", ServerTls::from_pem(certificate, &key).unwrap());
    let secret = key.lines().nth(1).unwrap();
    assert!(!shown.contains(secret) && !shown.contains(&format!("{:?}", secret.as_bytes())));
}
