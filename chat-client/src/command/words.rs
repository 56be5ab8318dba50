//! The arguments of a command, taken from the left one at a time.

/// What is still unread of a command's arguments.
pub(super) struct Words<'a> {
    unread: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn new(arguments: &'a str) -> Self {
        Self { unread: arguments.trim() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unread.is_empty()
    }

    pub(super) fn rest(&self) -> &'a str {
        self.unread
    }

    /// One word, or what stands between double quotes; `None` if there is nothing or the quotes do not close.
    pub(super) fn name(&mut self) -> Option<String> {
        let (name, after) = match self.unread.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => self
                .unread
                .split_once(char::is_whitespace)
                .map_or_else(|| (self.unread.to_owned(), ""), |(word, after)| (word.to_owned(), after)),
        };
        self.unread = after.trim_start();
        (!name.is_empty()).then_some(name)
    }

    /// The whole rest as one name, with or without quotes around it.
    pub(super) fn rest_as_name(&mut self) -> Option<String> {
        if !self.unread.starts_with('"') {
            let name = std::mem::take(&mut self.unread).to_owned();
            return (!name.is_empty()).then_some(name);
        }
        let name = self.name()?;
        self.is_empty().then_some(name)
    }
}

fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((name, characters.as_str())),
            '\\' => name.push(characters.next()?),
            character => name.push(character),
        }
    }
}
