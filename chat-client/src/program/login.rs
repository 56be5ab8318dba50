//! The login name, which scripts chat under unless told otherwise.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// What the environment says, or else the name of this process' user in `/etc/passwd`.
pub(super) fn login_name() -> Option<String> {
    let said = ["LOGNAME", "USER"].into_iter().find_map(|variable| env::var(variable).ok());
    said.filter(|name| !name.is_empty()).or_else(|| {
        let uid = fs::metadata("/proc/self").ok()?.uid();
        name_of(uid, &fs::read_to_string("/etc/passwd").ok()?)
    })
}

fn name_of(uid: u32, passwd: &str) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_number() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n# not a line\nana:x:1000:100::/home/ana:/bin/sh\n";
        assert_eq!(name_of(1000, passwd).as_deref(), Some("ana"));
        assert_eq!(name_of(0, passwd).as_deref(), Some("root"));
        assert_eq!(name_of(100, passwd), None);
    }
}
