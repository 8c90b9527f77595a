//! S3's documents: a small writer, and a small reader.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use super::malformed;
use crate::account::ApiError;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A document being written.
pub(super) struct Writer {
    out: String,
    open: Vec<&'static str>,
}

impl Writer {
    /// Begins a document with its root element.
    pub(super) fn new(root: &'static str) -> Self {
        Self {
            out: format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{NAMESPACE}\">"
            ),
            open: vec![root],
        }
    }

    /// An element with text.
    pub(super) fn text(&mut self, name: &str, text: impl AsRef<str>) -> &mut Self {
        let text = escape(text.as_ref());
        self.out.push_str(&format!("<{name}>{text}</{name}>"));
        self
    }

    /// An element with text, if there is some.
    pub(super) fn text_if(&mut self, name: &str, text: Option<impl AsRef<str>>) -> &mut Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// Begins an element.
    pub(super) fn open(&mut self, name: &'static str) -> &mut Self {
        self.out.push_str(&format!("<{name}>"));
        self.open.push(name);
        self
    }

    /// Ends the element that began last.
    pub(super) fn close(&mut self) -> &mut Self {
        if let Some(name) = self.open.pop() {
            self.out.push_str(&format!("</{name}>"));
        }
        self
    }

    /// The document.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }
}

/// An element that was read.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Self>,
}

impl Element {
    /// Reads a document whose root has this name.
    pub(super) fn read(document: &[u8], root: &str) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(document).map_err(|_| malformed())?;
        let mut reader = Reader::from_str(text);
        let mut stack = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|_| malformed())? {
                Event::Start(start) => stack.push(Self::named(start.local_name().as_ref())),
                Event::Empty(empty) => {
                    let element = Self::named(empty.local_name().as_ref());
                    stack
                        .last_mut()
                        .ok_or_else(malformed)?
                        .children
                        .push(element);
                }
                Event::End(_) => {
                    let element = stack.pop().ok_or_else(malformed)?;
                    stack
                        .last_mut()
                        .ok_or_else(malformed)?
                        .children
                        .push(element);
                }
                Event::Text(text) => {
                    stack.last_mut().ok_or_else(malformed)?.text.push_str(&text);
                }
                Event::GeneralRef(reference) => {
                    let text = quick_xml::escape::unescape(&format!("&{};", &*reference))
                        .map_err(|_| malformed())?
                        .into_owned();
                    stack.last_mut().ok_or_else(malformed)?.text.push_str(&text);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let [document] = &mut stack[..] else {
            return Err(malformed());
        };
        document
            .children
            .pop()
            .filter(|element| element.name == root)
            .ok_or_else(malformed)
    }

    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The text of a child.
    pub(super) fn child(&self, name: &str) -> Option<&str> {
        self.children
            .iter()
            .find(|child| child.name == name)
            .map(|child| child.text.trim())
    }

    /// The children of a name.
    pub(super) fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut out = Writer::new("Delete");
        out.open("Object").text("Key", "a & <b>").close();
        out.text("Quiet", "true");
        let element = Element::read(out.finish().as_bytes(), "Delete").expect("a document");
        let keys: Vec<_> = element
            .each("Object")
            .filter_map(|object| object.child("Key"))
            .collect();
        assert_eq!(keys, ["a & <b>"]);
        assert_eq!(element.child("Quiet"), Some("true"));
        assert!(Element::read(b"<Other/>", "Delete").is_err());
    }
}
