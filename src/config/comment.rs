//! When a comment is written on the pull request: the names that `BGD_COMMENT` has for it.

/// When a comment is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommentPolicy {
    /// Whenever there is a pull request; that there was nothing to do only corrects an earlier comment.
    #[default]
    Auto,
    /// Whenever there is a pull request.
    Always,
    /// When it went wrong; when all is well again, the comment says so.
    OnFailure,
    /// Not at all.
    Never,
}

/// Every policy by the name that `BGD_COMMENT` has for it.
pub const COMMENT_POLICIES: [(&str, CommentPolicy); 4] = [
    ("auto", CommentPolicy::Auto),
    ("always", CommentPolicy::Always),
    ("on-failure", CommentPolicy::OnFailure),
    ("never", CommentPolicy::Never),
];

impl CommentPolicy {
    /// The policy of this name.
    pub fn named(name: &str) -> Option<Self> {
        let known = COMMENT_POLICIES.iter().find(|(known, _)| *known == name);
        known.map(|(_, policy)| *policy)
    }
}
