//! The page, read again as a browser reads it: its tags, their attributes, and nothing from elsewhere.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::check;
use crate::report::words::LEDGER;

/// The one text of a page that is not for reading.
const STYLE: &str = include_str!("../page.css");

#[derive(Default)]
struct Made {
    parts: RefCell<Vec<String>>,
    style: RefCell<String>,
    is_style: RefCell<bool>,
    wrong: RefCell<Option<String>>,
}

impl TokenSink for Made {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => return self.tag(&tag),
            Token::CharacterTokens(text) if *self.is_style.borrow() => {
                self.style.borrow_mut().push_str(&text);
            }
            Token::CharacterTokens(text) => {
                if text.contains(|c: char| c.is_control() && c != '\n') {
                    self.is_wrong(format!("a control character in {text:?}"));
                }
            }
            Token::CommentToken(text) => self.is_wrong(format!("a comment: {text}")),
            Token::NullCharacterToken => self.is_wrong("a null character".to_owned()),
            Token::ParseError(error) => self.is_wrong(error.into_owned()),
            Token::DoctypeToken(_) | Token::EOFToken => {}
        }
        TokenSinkResult::Continue
    }
}

impl Made {
    fn of(page: &str) -> Self {
        let tokenizer = Tokenizer::new(
            Self::default(),
            TokenizerOpts {
                exact_errors: true,
                ..Default::default()
            },
        );
        let input = BufferQueue::default();
        input.push_back(StrTendril::from(page));
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        tokenizer.sink
    }

    fn is_wrong(&self, why: String) {
        self.wrong.borrow_mut().get_or_insert(why);
    }

    fn tag(&self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        let is_start = tag.kind == TagKind::StartTag;
        let mut attributes: Vec<String> = Vec::new();
        for attribute in &tag.attrs {
            let (of, value) = (&*attribute.name.local, &*attribute.value);
            let is_ours = match of {
                // The ledger beside the page is ours.
                "href" => {
                    value.starts_with("https://") || value.starts_with("http://") || value == LEDGER
                }
                "src" | "srcset" | "action" | "formaction" | "data" | "xlink:href" => false,
                _ => {
                    !of.starts_with("on")
                        && !value.contains("javascript:")
                        && !value.contains("url(")
                }
            };
            if !is_ours {
                self.is_wrong(format!("<{name} {of}={value:?}>"));
            }
            attributes.push(format!("{of}={value}"));
        }
        if [
            "script", "iframe", "object", "embed", "base", "link", "form", "img",
        ]
        .contains(&name)
        {
            self.is_wrong(format!("<{name}>"));
        }
        let slash = if is_start { "" } else { "/" };
        self.parts
            .borrow_mut()
            .push(format!("{slash}{name} {}", attributes.join(" ")));
        *self.is_style.borrow_mut() = is_start && name == "style";
        match name {
            "style" if is_start => TokenSinkResult::RawData(RawKind::Rawtext),
            "title" if is_start => TokenSinkResult::RawData(RawKind::Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }
}

/// The tags of a page, with their attributes.
pub(super) fn parts(page: &str) -> Vec<String> {
    Made::of(page).parts.take()
}

/// Whether a page is made of the same as a harmless one.
pub(super) fn same(page: &str, expected: &[String]) -> Result<(), String> {
    let made = Made::of(page);
    if let Some(wrong) = made.wrong.take() {
        return Err(wrong);
    }
    check(*made.style.borrow() == STYLE, "another style sheet")?;
    let made = made.parts.take();
    let at = made.iter().zip(expected).position(|(a, b)| a != b);
    match at {
        None => check(made.len() == expected.len(), "a page of more or fewer tags"),
        Some(at) => Err(format!("<{}> and not <{}>", made[at], expected[at])),
    }
}

#[test]
fn the_check_sees_what_is_not_escaped() {
    let page = |text: &str| {
        format!("<!DOCTYPE html><title>x</title><style>{STYLE}</style><p title=\"x\">{text}</p>")
    };
    let whole = page("x");
    let harmless = parts(&whole);
    assert_eq!(same(&whole, &harmless), Ok(()));
    for nasty in [
        "<b>x</b>",
        "<script>alert(1)</script>",
        "<!-- x -->",
        "</p>",
        "<a href=javascript:x>",
        "\u{1b}[2J",
    ] {
        assert!(same(&page(nasty), &harmless).is_err(), "{nasty}");
    }
    let attribute = whole.replace("title=\"x\"", "title=\"x\" onclick=\"y\"");
    assert!(same(&attribute, &harmless).is_err());
    assert!(same(&whole.replace(STYLE, "@import url(//x)"), &harmless).is_err());
}
