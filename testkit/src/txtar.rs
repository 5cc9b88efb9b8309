//! The txtar format: a comment (here: commands), then files, each after a line `-- NAME --`.

/// A parsed archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archive {
    /// Everything before the first file.
    pub comment: String,
    /// Files in order: name and text.
    pub files: Vec<(String, String)>,
}

impl Archive {
    /// Parses any text: what has no file marker is comment.
    pub fn parse(text: &str) -> Self {
        let mut archive = Archive::default();
        for line in text.split_inclusive('\n') {
            let marker = line.trim_end().strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --"));
            match (marker, archive.files.last_mut()) {
                (Some(name), _) => archive.files.push((name.trim().to_owned(), String::new())),
                (None, Some((_, body))) => body.push_str(line),
                (None, None) => archive.comment.push_str(line),
            }
        }
        archive
    }

    /// The text again, byte for byte for files that end with a line end.
    pub fn format(&self) -> String {
        let mut text = self.comment.clone();
        for (name, body) in &self.files {
            text.push_str(&format!("-- {name} --\n{body}"));
            if !body.is_empty() && !body.ends_with('\n') {
                text.push('\n');
            }
        }
        text
    }

    /// The text of a file.
    pub fn file(&self, name: &str) -> Option<&str> {
        self.files.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_survives_the_round_trip() {
        let text = "up\napply a.yaml\n-- a.yaml --\nkind: Service\n-- out --\nx\n\n";
        let archive = Archive::parse(text);
        assert_eq!(archive.files.len(), 2);
        assert_eq!(archive.file("a.yaml"), Some("kind: Service\n"));
        assert_eq!(archive.format(), text);
    }
}
