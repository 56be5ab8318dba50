use std::sync::Arc;

use rpc_core::{Client, ClientTls, Context, Server, ServerTls, Status};

use super::*;

#[rpc_core::service]
trait Door {
    fn whoami(&self) -> Result<String, Status>;
}

struct Open;

impl Door for Open {
    fn whoami(&self) -> Result<String, Status> {
        Ok(Context::current().peer_identity().map(ToString::to_string).unwrap_or_default())
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("rpc-gen-cert-{name}-{}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        Folder(path)
    }

    fn make(&self, hosts: &[&str], clients: &[&str]) -> Result<Vec<PathBuf>, CertificateFailure> {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        make(&Arguments { folder: self.0.clone(), host: own(hosts), client: own(clients), days: 1 })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn what_it_makes_is_taken_by_servers_and_clients_also_what_it_makes_later() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("taken");
    assert_eq!(folder.make(&[], &[]).unwrap().len(), 4);
    folder.make(&[], &["ana"]).unwrap();
    let (certificate, key) = (folder.file("server.pem"), folder.file("server.key"));
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let tls = ServerTls::from_files(certificate, key).unwrap().with_client_ca(folder.file("ca.pem")).unwrap();
    let server =
        Server::builder().service(DoorService::new(Arc::new(Open))).tls(tls).bind("127.0.0.1:0").unwrap();
    let ana = ClientTls::with_ca(folder.file("ca.pem")).unwrap();
    let ana = ana.with_identity(folder.file("ana.pem"), folder.file("ana.key")).unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let client = Client::connect(format!("{host}:{}", server.address().port())).with_tls(ana.clone());
        assert_eq!(DoorClient::new(client).whoami().unwrap(), "ana");
    }
}

#[test]
fn nothing_is_written_over() {
    let folder = Folder::new("over");
    folder.make(&["a.example"], &[]).unwrap();
    let before = fs::read_to_string(folder.file("server.key")).unwrap();
    assert!(matches!(folder.make(&["b.example"], &[]), Err(CertificateFailure::Exists(_))));
    assert_eq!(fs::read_to_string(folder.file("server.key")).unwrap(), before);
    fs::remove_file(folder.file("ca.key")).unwrap();
    assert!(matches!(folder.make(&[], &["ana"]), Err(CertificateFailure::Keyless(..))));
    fs::write(folder.file("ca.key"), "no key").unwrap();
    assert!(matches!(folder.make(&[], &["ana"]), Err(CertificateFailure::Unusable(..))));
}

#[test]
fn a_host_and_a_name_that_cannot_be_are_refused() {
    let folder = Folder::new("host");
    assert!(matches!(folder.make(&["olá"], &[]), Err(CertificateFailure::Host(..))));
    for bad in ["", ".x", "a/b", "ca", "server", "a b"] {
        assert!(name(bad).is_err(), "{bad}");
    }
    assert_eq!(name("ana@lab-1").unwrap(), "ana@lab-1");
}
