//! What others say, before it meets a terminal.

/// The text, safe to show: what a peer says moves no cursor and turns no writing round. Each letter that would is U+FFFD.
///
/// ```
/// assert_eq!(rpc_program::terminal::harmless("a\u{1b}[2J\u{202e}b"), "a\u{fffd}[2J\u{fffd}b");
/// ```
pub fn harmless(text: &str) -> String {
    text.replace(is_harmful, "\u{FFFD}")
}

/// Whether a terminal does something else with this letter than to show it: a control character, a line feed included, and
/// one that ends a line or sets the direction of writing.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{061C}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_every_script_stay_and_what_steers_a_terminal_does_not() {
        assert_eq!(
            harmless("a\u{1b}[2J\n\u{9b}b\u{202e}c é 端"),
            "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}c é 端"
        );
        let turning = "\u{200e}\u{200f}\u{2028}\u{202e}\u{2066}\u{2069}\u{61c}";
        assert!(turning.chars().all(is_harmful));
        assert!(!"\u{200d}\u{2030}\u{206a} ".chars().any(is_harmful));
    }
}
