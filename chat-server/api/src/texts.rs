//! Everything that the chat's programs say to people, in every language.
//!
//! A text is a method of [`Language`]: what is said is its arguments put into one of two templates that stand side by
//! side. The compiler holds that each text is in both languages, and that neither template has a hole more or less than
//! there are arguments. The Portuguese texts of the console, of the log and of the client's notices are those of the
//! document that they come from, byte by byte.

use std::fmt;

use crate::language::Language;

/// Texts, each as `name(holes) { English, Portuguese }`.
macro_rules! texts {
    ($($key:ident($($hole:ident),*) { $english:literal, $portuguese:literal })*) => {
        impl Language {
            $(
                #[doc = concat!("```text\n", $english, "\n```")]
                #[must_use]
                pub fn $key(self, $($hole: impl fmt::Display),*) -> String {
                    match self {
                        // Named, so that an argument without its hole does not compile.
                        Language::English => format!($english, $($hole = $hole),*),
                        Language::Portuguese => format!($portuguese, $($hole = $hole),*),
                    }
                }
            )*
        }

        #[cfg(test)]
        pub(super) const TEXTS: &[(&str, &str, &str)] = &[$((stringify!($key), $english, $portuguese)),*];
    };
}

mod console;
mod conversation;
mod help;
mod log;
mod refusals;

#[cfg(test)]
mod tests;
