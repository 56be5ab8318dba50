//! `tracestate`: what other systems say of a trace, read only to see that it may be passed on.
//!
//! Pure. <https://www.w3.org/TR/trace-context-1/#tracestate-header>

/// Members of one list.
const MEMBERS: usize = 32;

/// A longer list is dropped whole: the recommendation asks for no more to be kept.
const LENGTH: usize = 512;

/// All values as one list, if it is one that may be passed on.
pub(super) fn joined<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let mut list = Vec::new();
    for value in values {
        if !list.is_empty() {
            list.push(b',');
        }
        list.extend_from_slice(value);
        if list.len() > LENGTH {
            return None;
        }
    }
    let members =
        list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty());
    let mut count = 0;
    for member in members {
        count += 1;
        if count > MEMBERS || !is_member(member) {
            return None;
        }
    }
    if count == 0 {
        return None;
    }
    String::from_utf8(list).ok()
}

fn is_member(member: &[u8]) -> bool {
    let Some(split) = member.iter().position(|byte| *byte == b'=') else { return false };
    let (key, value) = member.split_at(split);
    is_key(key) && value.strip_prefix(b"=").is_some_and(is_value)
}

/// A name, or `tenant@system`.
fn is_key(key: &[u8]) -> bool {
    let mut parts = key.splitn(2, |byte| *byte == b'@');
    match (parts.next(), parts.next()) {
        (Some(name), None) => is_name(name, 256, u8::is_ascii_lowercase),
        (Some(tenant), Some(system)) => {
            let first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            is_name(tenant, 241, first) && is_name(system, 14, u8::is_ascii_lowercase)
        }
        _ => false,
    }
}

fn is_name(name: &[u8], longest: usize, first: impl Fn(&u8) -> bool) -> bool {
    let inside = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    name.len() <= longest && name.first().is_some_and(first) && name.iter().all(inside)
}

/// Printable, without commas and equals signs; no blank at the end, which was trimmed.
fn is_value(value: &[u8]) -> bool {
    let inside = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    (1..=256).contains(&value.len()) && value.iter().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, passed_on: bool) {
        let list = joined(std::iter::once(text.as_bytes()));
        assert_eq!(list.as_deref(), passed_on.then_some(text), "{text}");
    }

    /// The cases of the recommendation's own test suite (w3c/trace-context, test/test.py).
    #[test]
    fn the_cases_of_the_recommendation_hold() {
        for good in
            ["foo=1", "foo=1,bar=2", "foo=1 \t , \t bar=2, \t baz=3", "foo=1,", "foo=1,,bar=2", "foo= 1"]
        {
            check(good, true);
        }
        check(
            "abcdefghijklmnopqrstuvwxyz0123456789_-*/= !\"#$%&'()*+-./0123456789:;<>?@AZ[\\]^_`az{|}~",
            true,
        );
        check("a-b/c@d=1", true);
        check("0a@system=1", true);
        for bad in [
            "",
            ",",
            "foo",
            "foo=",
            "=1",
            "foo =1",
            "FOO=1",
            "foo.bar=1",
            "foo@=1,bar=2",
            "@foo=1,bar=2",
            "foo@@bar=1,bar=2",
            "foo@bar@baz=1,bar=2",
            "foo=bar=baz",
            "foo=1,b=\u{1}",
            "fóo=1",
            "foo=é",
            "0a=1",
            "foo@0a=1",
        ] {
            check(bad, false);
        }
    }

    #[test]
    fn keys_values_and_members_end_at_their_limits() {
        check(&format!("{}=1", "z".repeat(256)), true);
        check(&format!("{}=1", "z".repeat(257)), false);
        check(&format!("{}@{}=1", "t".repeat(241), "v".repeat(14)), true);
        check(&format!("{}@v=1", "t".repeat(242)), false);
        check(&format!("t@{}=1", "v".repeat(15)), false);
        check(&format!("k={}", "v".repeat(256)), true);
        check(&format!("k={}", "v".repeat(257)), false);
        let members =
            |count: usize| (0..count).map(|n| format!("bar{n:02}={n:02}")).collect::<Vec<_>>().join(",");
        check(&members(32), true);
        check(&members(33), false);
        check(
            &format!("{},{}", "a=".to_owned() + &"v".repeat(253), "b=".to_owned() + &"v".repeat(254)),
            true,
        );
        check(
            &format!("{},{}", "a=".to_owned() + &"v".repeat(254), "b=".to_owned() + &"v".repeat(254)),
            false,
        );
    }
}
