//! Groups of a bag that do not fit into memory go to disk: seen from outside, in a process that may have little.

#![cfg(target_os = "linux")]

use std::os::unix::process::CommandExt;
use std::process::Command;

use taskloom::dataframe::shuffle_memory;
use taskloom::prelude::*;

/// The process that is limited finds this in its environment.
const LIMITED: &str = "TASKLOOM_TEST_LIMITED";
/// What the items take is twice as much.
const LIMIT: u64 = 192 << 20;
const ITEMS: i64 = 1_500_000;
const GROUPS: i64 = 3000;

fn groups_within_the_limit() {
    let items = Bag::range(ITEMS, 12).map(|n| (n % GROUPS, format!("{n:0>200}")));
    let groups = items.groupby_into(48, |item| item.0);
    let sizes = groups.map(|(key, group)| {
        let all_belong = group.iter().all(|item| item.0 == key && item.1.parse::<i64>().unwrap() % GROUPS == key);
        (all_belong, group.len())
    });
    let sizes = sizes.compute().expect("groups that do not fit go to disk");
    assert_eq!(sizes.len() as i64, GROUPS);
    assert!(sizes.iter().all(|&(all_belong, count)| all_belong && count as i64 == ITEMS / GROUPS));
    // A number in this process alone: nothing else has been on disk.
    println!("spilled {}", shuffle_memory().spilled);
}

#[test]
fn groups_go_to_disk_where_the_system_gives_little_memory() {
    if std::env::var_os(LIMITED).is_some() {
        return groups_within_the_limit();
    }
    let mut own = Command::new(std::env::current_exe().unwrap());
    own.args(["--exact", "groups_go_to_disk_where_the_system_gives_little_memory", "--nocapture"]).env(LIMITED, "1");
    // SAFETY: between fork and exec only a system call is made.
    unsafe {
        own.pre_exec(|| {
            let limit = libc::rlimit { rlim_cur: LIMIT, rlim_max: LIMIT };
            match libc::setrlimit(libc::RLIMIT_DATA, &limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let output = own.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let spilled = said.lines().find_map(|line| line.split_once("spilled ")?.1.trim().parse::<u64>().ok());
    assert!(spilled.is_some_and(|bytes| bytes > 100 << 20), "{said}");
}
