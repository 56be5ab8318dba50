//! What the chat's programs say to people stands in the catalogue (`chat_api::texts`), in both languages, and nowhere else.
//!
//! Held by reading the source: a sentence in a string of these packages is allowed only where what it says is English in
//! every language (the log, `--help`, errors that end a program, and statuses, which go over the wire), or where nobody
//! reads it. Rooms that put lines together for a screen hold no word at all.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Whole packages, without the catalogue itself.
const PACKAGES: [&str; 3] = ["chat-client/src", "chat-server/src", "chat-server/api/src"];

/// Rooms that put lines together for a screen.
const SCREENS: [&str; 6] = [
    "chat-client/src/render.rs",
    "chat-client/src/render/layout.rs",
    "chat-client/src/render/paint.rs",
    "chat-client/src/program/printer.rs",
    "chat-server/src/program/console/desk.rs",
    "chat-server/src/program/console/keyboard.rs",
];

/// Rooms of which nobody reads a word in a conversation: the command line's own texts, and those of metrics.
const NOT_CONVERSATION: [&str; 3] =
    ["chat-client/src/program/arguments.rs", "chat-server/src/program.rs", "chat-server/src/meter.rs"];

/// What makes statuses, the log, panics and `--help`, all of them English: a text among its arguments, or behind its equals
/// sign, is theirs.
const ENGLISH: [&str; 5] = ["Status", "tracing", "debug_assert", "supervisor", "EXAMPLES"];

/// The strings of a file that somebody may be shown, in the order in which they stand.
fn strings_of(source: &str) -> Vec<String> {
    let mut strings = Vec::new();
    collect(source.parse().unwrap(), &mut strings);
    strings
}

fn collect(tokens: TokenStream, strings: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut place = 0;
    while let Some(token) = tokens.get(place) {
        let rest = tokens.get(place + 1..).unwrap_or_default();
        place += 1;
        match token {
            // An attribute, documentation included; behind that of a test, the test.
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                let (inner, rest) = split_while(rest, |token| matches!(token, TokenTree::Punct(_)));
                if let Some(TokenTree::Group(attribute)) = rest.first() {
                    place += inner.len() + 1;
                    place += if is_of_tests(attribute) {
                        length_of_item(rest.get(1..).unwrap_or_default())
                    } else {
                        0
                    };
                }
            }
            TokenTree::Ident(word) if ENGLISH.iter().any(|english| word == english) => {
                place += rest.iter().take_while(|token| !is_arguments(token) && !is_end(token)).count() + 1;
            }
            TokenTree::Group(group) => collect(group.stream(), strings),
            TokenTree::Literal(literal) => strings.extend(text_of(&literal.to_string())),
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

fn split_while(tokens: &[TokenTree], wanted: impl Fn(&TokenTree) -> bool) -> (&[TokenTree], &[TokenTree]) {
    tokens.split_at(tokens.iter().take_while(|token| wanted(token)).count())
}

fn is_of_tests(attribute: &Group) -> bool {
    let attribute = attribute.stream().to_string();
    attribute == "cfg (test)" || attribute == "test"
}

/// Up to its block, or its semicolon.
fn length_of_item(tokens: &[TokenTree]) -> usize {
    let is_block =
        |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    tokens.iter().take_while(|token| !is_block(token) && !is_end(token)).count() + 1
}

fn is_arguments(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis)
}

fn is_end(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == ';')
}

fn text_of(literal: &str) -> Option<String> {
    let quoted = literal.trim_start_matches('r').trim_matches('#');
    Some(quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// What `TERM` calls a terminal that cannot move its cursor.
const DUMB: &str = "dumb";

/// How many words a template has: letters alone, not those of holes, of formats for times, or of names for machines.
fn words(template: &str) -> usize {
    let (mut text, mut in_hole, mut escaped) = (String::new(), false, false);
    for letter in template.chars() {
        match letter {
            '{' => in_hole = true,
            '}' => in_hole = false,
            _ if in_hole => {}
            _ if std::mem::take(&mut escaped) => {}
            '%' | '\\' => escaped = true,
            letter => text.push(letter),
        }
    }
    let is_word = |word: &&str| {
        let word = word.trim_matches(|letter: char| letter.is_ascii_punctuation());
        let is_for_machines = word.chars().all(char::is_uppercase) || word == DUMB;
        word.chars().count() > 1 && word.chars().all(char::is_alphabetic) && !is_for_machines
    };
    text.split_whitespace().filter(is_word).count()
}

/// A word and something beside it: `"closed by {who}"`, `"{who} left"`, and not `"not_in_room"` or `"chat-room"`.
fn is_sentence(template: &str) -> bool {
    words(template) > 1 || (words(template) == 1 && template.trim().contains(' '))
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => rust_files(&path, files),
            path if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
            _ => {}
        }
    }
}

/// Modules that are compiled for tests only are declared so, and found by that.
fn is_for_tests(path: &Path, root: &Path) -> bool {
    let declared = |folder: &Path, name: &str| {
        let beside = [folder.with_extension("rs"), folder.join("mod.rs"), folder.join("lib.rs")];
        let text = beside.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        let (_, before) =
            text.split_once(&format!("mod {name};")).map_or(("", ""), |(before, _)| (before, before));
        before.trim_end().ends_with("#[cfg(test)]") || before.trim_end().ends_with("hostile.rs\"]")
    };
    path.ancestors()
        .take_while(|part| *part != root)
        .filter_map(|part| Some((part.parent()?, part.file_stem()?.to_str()?)))
        .any(|(folder, name)| declared(folder, name))
}

#[test]
fn what_people_are_told_stands_in_the_catalogue_alone() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut outside = Vec::new();
    let mut read = 0;
    for package in PACKAGES {
        let mut files = Vec::new();
        rust_files(&house.join(package), &mut files);
        for file in files {
            let name = file.strip_prefix(house).unwrap().to_str().unwrap().to_owned();
            let is_catalogue = name.starts_with("chat-server/api/src/texts");
            if is_catalogue || NOT_CONVERSATION.contains(&name.as_str()) || is_for_tests(&file, house) {
                continue;
            }
            read += 1;
            let is_screen = SCREENS.contains(&name.as_str());
            let wrong = |text: &String| if is_screen { words(text) > 0 } else { is_sentence(text) };
            let strings = strings_of(&fs::read_to_string(&file).unwrap());
            outside.extend(strings.into_iter().filter(wrong).map(|text| format!("{name}: {text:?}")));
        }
    }
    assert!(read > 60, "only {read} files were read");
    assert!(outside.is_empty(), "these belong into chat-server/api/src/texts:\n{}", outside.join("\n"));
}

#[test]
fn a_sentence_is_found_wherever_it_is_shown_and_nowhere_else() {
    let source = r##"
        /// A doc comment is no text.
        #[error("nor an {attribute}")]
        fn shown() {
            tracing::warn!("the log is English");
            let refused = Status::invalid_argument(format!("a status of {x}"));
            say("{who} joined"); say(r#"raw and shown"#);
            say("not_in_room"); say("%H:%M"); say("{name} ({users})"); say("chat-listener");
        }
        #[cfg(test)]
        mod tests { fn ignored() { say("a test says what it likes"); } }
        fn after() { say("in {room}: {users}"); }
    "##;
    let found: Vec<String> = strings_of(source).into_iter().filter(|text| is_sentence(text)).collect();
    assert_eq!(found, ["{who} joined", "raw and shown", "in {room}: {users}"]);
    let counted = ["{name} ({users})", "%H:%M", "--- {} ---", "a: b", "nobody"].map(words);
    assert_eq!(counted, [0, 0, 0, 0, 1]);
}
