//! What a certificate says of its owner.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::transport::PeerIdentity;

/// Who has shown these certificates, his own first; they have been verified.
pub(super) fn of(chain: &[CertificateDer<'_>]) -> Option<PeerIdentity> {
    let own = EndEntityCert::try_from(chain.first()?).ok()?;
    let names = own.valid_dns_names().chain(own.valid_uri_names()).map(str::to_owned).collect();
    let certificates = chain.iter().map(|certificate| certificate.to_vec()).collect();
    Some(PeerIdentity::certified(common_name(own.subject()), names, certificates))
}

/// The tags and the identifier of DER (X.690, RFC 5280 section 4.1.2.4) that lead to a common name.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const IDENTIFIER: u8 = 0x06;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const IA5: u8 = 0x16;
const COMMON_NAME: [u8; 3] = [0x55, 4, 3];

/// The last common name of a subject, which is given without its outermost tag.
fn common_name(subject: &[u8]) -> Option<String> {
    let sets = Values(subject).filter(|(tag, _)| *tag == SET);
    let pairs = sets.flat_map(|(_, set)| Values(set)).filter(|(tag, _)| *tag == SEQUENCE);
    let names = pairs.filter_map(|(_, pair)| {
        let mut parts = Values(pair);
        let named = parts.next()? == (IDENTIFIER, &COMMON_NAME[..]);
        let (tag, text) = parts.next()?;
        let text = std::str::from_utf8(text).ok()?;
        (named && [UTF8, PRINTABLE, IA5].contains(&tag)).then(|| text.to_owned())
    });
    names.last()
}

/// The values of DER that stand one behind the other, as tag and content; it ends where that is not so.
struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
            0x82 => {
                let (length, rest) = rest.split_first_chunk()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => return None,
        };
        let (content, behind) = rest.split_at_checked(length)?;
        self.0 = behind;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    #[track_caller]
    fn check(params: &CertificateParams, common_name: Option<&str>, alternatives: &[&str]) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let identity = of(&[certificate.der().clone()]).unwrap();
        assert_eq!(identity.common_name(), common_name);
        assert_eq!(identity.alternative_names().collect::<Vec<_>>(), alternatives);
        assert_eq!(identity.certificates().collect::<Vec<_>>(), [&certificate.der()[..]]);
    }

    #[test]
    fn an_identity_has_the_common_name_and_the_names_and_uris_of_its_certificate() {
        let mut params = CertificateParams::new(["chat.example".to_owned(), "10.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::OrganizationName, "a lab");
        params.distinguished_name.push(DnType::CommonName, "ana 🦀");
        params.subject_alt_names.push(SanType::URI("urn:chat:ana".try_into().unwrap()));
        check(&params, Some("ana 🦀"), &["chat.example", "urn:chat:ana"]);
        params.distinguished_name.push(DnType::CommonName, "x".repeat(300));
        check(&params, Some(&"x".repeat(300)), &["chat.example", "urn:chat:ana"]);
        params.distinguished_name = rcgen::DistinguishedName::new();
        check(&params, None, &["chat.example", "urn:chat:ana"]);
    }

    #[test]
    fn bytes_that_are_no_subject_have_no_common_name() {
        let subject = [SET, 10, SEQUENCE, 8, IDENTIFIER, 3, 0x55, 4, 3, UTF8, 1, b'a'];
        assert_eq!(common_name(&subject).as_deref(), Some("a"));
        for end in 0..subject.len() {
            assert_eq!(common_name(&subject[..end]), None);
        }
        for at in 0..subject.len() - 1 {
            for byte in 0..=255 {
                let mut damaged = subject;
                damaged[at] = byte;
                common_name(&damaged);
            }
        }
        assert_eq!(common_name(&[SET, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
