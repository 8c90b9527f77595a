//! What `policy` takes.

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use super::values::repository;
use crate::stack::ROLES;

/// `policy`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Only this role's
    #[arg(long, value_name = "ROLE", value_parser = PossibleValuesParser::new(ROLES))]
    pub role: Option<String>,
    /// How it is printed: for people, for a program, as Terraform, or the bare document of one role
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: PolicyFormat,
    /// Whose jobs may take the roles on: OWNER/NAME, or OWNER@ID/NAME@ID as GitHub names newer ones in its tokens, or both
    #[arg(long, value_name = "REPOSITORY", value_delimiter = ',', value_parser = repository)]
    pub repository: Vec<String>,
    /// Let jobs about pull requests take on `verify` and `read`, too: they run what the pull request says
    #[arg(long)]
    pub pull_requests: bool,
    /// With what `--keep-failed` needs, also where the file keeps nothing
    #[arg(long)]
    pub with_keep_failed: bool,
}

/// How policies are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PolicyFormat {
    /// What each role may do, on what, if what, and why.
    #[default]
    Table,
    /// All of it, with the trust policies.
    Json,
    /// As `aws_iam_role` and `aws_iam_role_policy`.
    Terraform,
    /// The policy of one role, as IAM takes it.
    Policy,
    /// The trust policy of one role, as IAM takes it.
    Trust,
}
