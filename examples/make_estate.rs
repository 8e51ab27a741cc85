//! Writes the example estates and estates of any size. Everything is seeded: the same arguments, the same bytes.
//!
//! ```text
//! cargo run --example make_estate -- acme examples/acme
//! cargo run --example make_estate -- acme-broken examples/acme-broken
//! cargo run --example make_estate -- drift examples/drift
//! cargo run --release --example make_estate -- bulk DIR --accounts 1000000 --people 200000 --grants 5000000
//! cargo run --release --example make_estate -- ldif FILE --users 98000
//! cargo run --release --example make_estate -- aws DIR --accounts 1
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use muster_effective::aws::generated::{Generator, Sizes};
use muster_effective::aws::reference::Reference;
use muster_testbeds::bulk::Bulk;
use muster_testbeds::estate;

#[derive(Parser)]
#[command(about = "Writes the example estates and estates of any size")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The company acme, with what is wrong in it in `truth.json`
    Acme {
        /// Folder to write into; other files in it stay
        folder: PathBuf,
    },
    /// The same company one night later, with exports that came back short
    AcmeBroken {
        /// Folder to write into; other files in it stay
        folder: PathBuf,
    },
    /// Two nights of a small company, with what drifted in `truth.json`
    Drift {
        /// Folder to write into; other files in it stay
        folder: PathBuf,
    },
    /// CSV files of any size with a `muster.toml`
    Bulk {
        /// Folder to write into
        folder: PathBuf,
        /// Accounts in all systems together
        #[arg(long, default_value_t = Bulk::default().accounts)]
        accounts: u64,
        /// People in HR
        #[arg(long, default_value_t = Bulk::default().people)]
        people: u64,
        /// Direct grants in all systems together
        #[arg(long, default_value_t = Bulk::default().grants)]
        grants: u64,
        /// Group memberships in all systems together
        #[arg(long, default_value_t = Bulk::default().memberships)]
        memberships: u64,
        /// Systems to spread them over
        #[arg(long, default_value_t = Bulk::default().systems)]
        systems: u64,
        /// Where the numbers start
        #[arg(long, default_value_t = Bulk::default().seed)]
        seed: u64,
    },
    /// Users and groups for OpenLDAP's `slapadd`, suffix `dc=acme,dc=example`
    Ldif {
        /// File to write
        file: PathBuf,
        /// Users, as inetOrgPerson
        #[arg(long, default_value_t = 98_000)]
        users: u64,
        /// Groups, as groupOfNames
        #[arg(long, default_value_t = 2000)]
        groups: u64,
        /// Memberships, written as `member` and as `memberOf`
        #[arg(long, default_value_t = 100_000)]
        memberships: u64,
        /// Where the numbers start
        #[arg(long, default_value_t = Bulk::default().seed)]
        seed: u64,
    },
    /// AWS accounts whose policies resemble real ones, as authorization details with a `muster.toml`
    Aws {
        /// Folder to write into
        folder: PathBuf,
        /// Accounts; several are an organisation
        #[arg(long, default_value_t = 1)]
        accounts: u32,
        /// Users in each
        #[arg(long, default_value_t = Sizes::ACCOUNT.users)]
        users: u32,
        /// Roles in each
        #[arg(long, default_value_t = Sizes::ACCOUNT.roles)]
        roles: u32,
        /// Groups in each
        #[arg(long, default_value_t = Sizes::ACCOUNT.groups)]
        groups: u32,
        /// Managed policies in each
        #[arg(long, default_value_t = Sizes::ACCOUNT.policies)]
        policies: u32,
        /// Where the numbers start
        #[arg(long, default_value_t = Bulk::default().seed)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // A closed standard error leaves nothing to report on.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(what: What) -> Result<(), Box<dyn std::error::Error>> {
    match what {
        What::Acme { folder } => estate::acme().0.write(&folder)?,
        What::AcmeBroken { folder } => estate::acme_broken().0.write(&folder)?,
        What::Drift { folder } => estate::drift().write(&folder)?,
        What::Bulk { folder, accounts, people, grants, memberships, systems, seed } => {
            Bulk { seed, people, accounts, grants, memberships, systems }.write(&folder)?;
        }
        What::Ldif { file, users, groups, memberships, seed } => {
            Bulk { seed, people: users, memberships, ..Bulk::default() }.write_ldif(&file, groups)?;
        }
        What::Aws { folder, accounts, users, roles, groups, policies, seed } => {
            let sizes = Sizes { users, roles, groups, policies, buckets: 0 };
            Generator::new(seed, Reference::builtin()).write(&folder, accounts, sizes)?;
        }
    }
    Ok(())
}
