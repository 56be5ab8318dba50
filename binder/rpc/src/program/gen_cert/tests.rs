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

    /// That a server with `server.pem` lets this one in, by its name.
    #[track_caller]
    fn check_serves(&self, caller: &str) {
        let tls = ServerTls::from_files(self.file("server.pem"), self.file("server.key")).unwrap();
        let tls = tls.with_client_ca(self.file("ca.pem")).unwrap();
        let door = DoorService::new(Arc::new(Open));
        let server = Server::builder().service(door).tls(tls).bind("127.0.0.1:0").unwrap();
        let own = ["pem", "key"].map(|end| self.file(&format!("{caller}.{end}")));
        let [certificate, key] = own;
        let tls = ClientTls::with_ca(self.file("ca.pem")).unwrap().with_identity(certificate, key).unwrap();
        for host in ["127.0.0.1", "localhost"] {
            let client = Client::connect(format!("{host}:{}", server.address().port())).with_tls(tls.clone());
            // The server's certificate has its hosts for names.
            let name = DoorClient::new(client).whoami().unwrap();
            assert!(name.contains(caller) || caller == "server", "{name}");
        }
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
    assert_eq!(fs::metadata(folder.file("server.key")).unwrap().permissions().mode() & 0o777, 0o600);
    folder.check_serves("ana");
}

#[test]
fn nothing_is_written_over() {
    let folder = Folder::new("over");
    folder.make(&["a.example"], &[]).unwrap();
    let before = fs::read_to_string(folder.file("server.key")).unwrap();
    assert!(matches!(folder.make(&["b.example"], &[]), Err(CertificateFailure::Exists(_))));
    assert_eq!(fs::read_to_string(folder.file("server.key")).unwrap(), before);
    fs::remove_file(folder.file("ca.key")).unwrap();
    assert!(matches!(folder.make(&[], &["ana"]), Err(CertificateFailure::Half(..))));
    fs::write(folder.file("ca.key"), "no key").unwrap();
    assert!(matches!(folder.make(&[], &["ana"]), Err(CertificateFailure::Authority(_))));
}

/// It signed with whatever key lay there, and ended well with certificates that nobody takes.
#[test]
fn an_authority_without_its_certificate_or_of_two_halves_does_not_sign() {
    let (folder, other) = (Folder::new("half"), Folder::new("other"));
    folder.make(&[], &["ana"]).unwrap();
    other.make(&[], &["ana"]).unwrap();
    fs::copy(other.file("ca.key"), folder.file("ca.key")).unwrap();
    assert!(matches!(folder.make(&[], &["bob"]), Err(CertificateFailure::Authority(_))));
    fs::remove_file(other.file("ca.pem")).unwrap();
    assert!(matches!(other.make(&[], &["bob"]), Err(CertificateFailure::Half(..))));
}

#[test]
fn an_authority_of_another_program_signs_by_its_own_name() {
    let folder = Folder::new("foreign");
    fs::create_dir_all(&folder.0).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Foreign");
    let pair = KeyPair::generate().unwrap();
    fs::write(folder.file("ca.pem"), params.self_signed(&pair).unwrap().pem()).unwrap();
    fs::write(folder.file("ca.key"), pair.serialize_pem()).unwrap();
    folder.make(&["localhost", "127.0.0.1"], &["ana"]).unwrap();
    folder.check_serves("ana");
    folder.check_serves("server");
}

#[test]
fn nothing_is_written_if_not_all_can_be() {
    let folder = Folder::new("all");
    assert!(matches!(folder.make(&["x"], &["ana", "ana"]), Err(CertificateFailure::Twice(_))));
    assert!(matches!(folder.make(&["bad host!"], &["ana"]), Err(CertificateFailure::Host(_))));
    assert!(!folder.0.exists());
    folder.make(&[], &["ana"]).unwrap();
    assert!(matches!(folder.make(&[], &["bob", "ana"]), Err(CertificateFailure::Exists(_))));
    assert!(!folder.file("bob.key").exists());
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
