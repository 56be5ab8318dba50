//! What was meant, when a name is not there.

/// How alike a name must be to be meant: 0 for nothing in common, 1 for the same.
const ALIKE: f64 = 0.8;

/// `; did you mean "create_room"?`, or nothing.
pub(super) fn hint<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    let likeness = |known: &str| strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
    let best = names.map(|known| (likeness(known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, known)) if likeness >= ALIKE => format!("; did you mean {known:?}?"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_apart_from_another_name() {
        let names = ["create_room", "list_rooms", "join_room"];
        assert_eq!(hint("crate_room", names.into_iter()), "; did you mean \"create_room\"?");
        assert_eq!(hint("CREATEROOM", names.into_iter()), "; did you mean \"create_room\"?");
        assert_eq!(hint("withdraw", names.into_iter()), "");
    }
}
