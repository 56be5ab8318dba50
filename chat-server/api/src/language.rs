//! The languages that the chat's programs speak to people.

use std::str::FromStr;

use thiserror::Error;

/// A language of people. Programs that read JSON are told the same in every one.
///
/// What is said in it are its methods: the catalogue of [`texts`](crate::texts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Brazilian Portuguese.
    Portuguese,
}

/// A word that names no language of the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the languages are en and pt-BR")]
pub struct LanguageError;

impl Language {
    /// The language that was asked for, or else the one of the locale: what `LC_ALL`, `LC_MESSAGES` or `LANG` says, the first
    /// of them that says anything.
    pub fn chosen(asked: Option<Language>, variable: impl Fn(&str) -> Option<String>) -> Language {
        let says = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = || ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(says);
        asked.or_else(|| locale().map(|locale| Language::of_locale(&locale))).unwrap_or_default()
    }

    /// Portuguese for `pt`, `pt_BR.UTF-8` and their like; English for every other locale.
    fn of_locale(locale: &str) -> Language {
        let language = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("pt") { Language::Portuguese } else { Language::English }
    }
}

impl FromStr for Language {
    type Err = LanguageError;

    fn from_str(text: &str) -> Result<Language, LanguageError> {
        match text.to_ascii_lowercase().replace('_', "-").as_str() {
            "en" => Ok(Language::English),
            "pt" | "pt-br" => Ok(Language::Portuguese),
            _ => Err(LanguageError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(asked: Option<&str>, variables: &[(&str, &str)], expected: Language) {
        let asked = asked.map(|asked| asked.parse().unwrap());
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(Language::chosen(asked, variable), expected, "{asked:?} {variables:?}");
    }

    #[test]
    fn what_is_asked_for_comes_before_the_locale_and_the_first_variable_that_says_something_decides() {
        use Language::{English, Portuguese};
        check(None, &[], English);
        check(None, &[("LANG", "pt_BR.UTF-8")], Portuguese);
        check(None, &[("LANG", "pt_BR.UTF-8"), ("LC_MESSAGES", "en_GB")], English);
        check(None, &[("LC_ALL", ""), ("LANG", "PT")], Portuguese);
        check(None, &[("LC_ALL", "C"), ("LANG", "pt_BR")], English);
        check(None, &[("LANG", "ptx")], English);
        check(Some("en"), &[("LC_ALL", "pt_BR")], English);
        check(Some("pt-BR"), &[("LC_ALL", "C")], Portuguese);
        check(Some("PT_br"), &[], Portuguese);
        assert_eq!("fr".parse::<Language>(), Err(LanguageError));
    }
}
