//! Certificates that change while connections live.

use std::fs;
use std::path::{Path, PathBuf};

use rpc_core::{ClientTls, ServerTls};

use crate::lab::{Authority, HOST, Lab as _, Paper, check_unreachable, serve};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("rpc-core-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn put(&self, paper: &Paper) {
        fs::write(self.file("cert.pem"), &paper.certificate).unwrap();
        fs::write(self.file("key.pem"), &paper.key).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn server(folder: &Folder) -> ServerTls {
    ServerTls::from_files(folder.file("cert.pem"), folder.file("key.pem")).unwrap()
}

fn trusting(path: &Path, authority: &Authority) -> ClientTls {
    fs::write(path, authority.pem()).unwrap();
    ClientTls::with_ca(path).unwrap()
}

#[test]
fn new_connections_get_the_new_certificate_and_old_ones_go_on() {
    let (folder, before, after) = (Folder::new("reload"), Authority::new("before"), Authority::new("after"));
    folder.put(&before.issue(&[HOST]));
    let tls = server(&folder);
    let stand = serve(&tls);
    let old = stand.client(&before.client());
    assert_eq!(old.echo("1".to_owned()).unwrap(), "1");
    folder.put(&after.issue(&[HOST]));
    tls.reload().unwrap();
    assert_eq!(stand.client(&after.client()).echo("2".to_owned()).unwrap(), "2");
    let words = "the server's certificate is not of an authority that this side trusts";
    check_unreachable(&stand.client(&before.client()), words);
    assert_eq!(old.echo("3".to_owned()).unwrap(), "3");
}

#[test]
fn a_bad_new_file_changes_nothing() {
    let (folder, authority) = (Folder::new("bad"), Authority::new("lab"));
    let paper = authority.issue(&[HOST]);
    folder.put(&paper);
    let tls = server(&folder);
    let stand = serve(&tls);
    fs::write(folder.file("key.pem"), authority.issue(&[HOST]).key).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("is not the key of the certificate in"), "{error}");
    fs::remove_file(folder.file("cert.pem")).unwrap();
    assert!(tls.reload().unwrap_err().to_string().starts_with("cannot read "));
    assert_eq!(stand.client(&authority.client()).echo("x".to_owned()).unwrap(), "x");
}

#[test]
fn a_client_takes_a_new_authority_when_it_reloads() {
    let (folder, before, after) = (Folder::new("client"), Authority::new("before"), Authority::new("after"));
    let tls = trusting(&folder.file("ca.pem"), &before);
    let stand = serve(&after.server(&[HOST]));
    let words = "the server's certificate is not of an authority that this side trusts";
    check_unreachable(&stand.client(&tls), words);
    fs::write(folder.file("ca.pem"), after.pem()).unwrap();
    tls.reload().unwrap();
    assert_eq!(stand.client(&tls).echo("x".to_owned()).unwrap(), "x");
}
