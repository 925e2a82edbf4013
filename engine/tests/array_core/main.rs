//! Random expressions of arrays, evaluated in blocks and, plainly, on whole ndarrays: both have to give the same.
//!
//! `ARRAY_SEED` runs one case again, `ARRAY_CASES` says how many there are.

mod bugs;
mod deep;
mod elementwise;
#[path = "../common/everywhere.rs"]
mod everywhere;
mod making;
mod pairs;
mod plain;
mod random_numbers;
mod reductions;
#[path = "../common/refused.rs"]
mod refused;
mod thin;
mod views;

use std::sync::atomic::Ordering;

use making::{Pair, Rng, leaf};
use num_complex::Complex;
use taskloom::array::Element;

/// What every type of the tests can do.
trait Tested: Element {
    /// Any value of the type; now and then a special one.
    fn any(rng: &mut Rng) -> Self;
    /// A function of the elements, of the same type.
    fn elementwise(rng: &mut Rng, x: &Pair<Self>) -> Pair<Self>;
    /// Ends an expression with reductions and comparisons, and checks what comes out.
    fn end(rng: &mut Rng, x: &Pair<Self>);
}

fn case<T: Tested>(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut x: Pair<T> = leaf(&mut rng);
    let tell = std::env::var_os("ARRAY_SEED").is_some();
    for _ in 0..rng.below(6) {
        x = match rng.below(5) {
            0 | 1 => T::elementwise(&mut rng, &x),
            _ => views::another(&mut rng, &x),
        };
        if tell {
            eprintln!("{:?} with chunks {:?}", x.lazy, x.lazy.chunks());
        }
    }
    x.check();
    T::end(&mut rng, &x);
}

fn run(seed: u64) {
    match seed % 13 {
        0 => case::<f64>(seed),
        1 => case::<f32>(seed),
        2 => case::<i8>(seed),
        3 => case::<i16>(seed),
        4 => case::<i32>(seed),
        5 => case::<i64>(seed),
        6 => case::<u8>(seed),
        7 => case::<u16>(seed),
        8 => case::<u32>(seed),
        9 => case::<u64>(seed),
        10 => case::<bool>(seed),
        11 => case::<Complex<f64>>(seed),
        _ => case::<Complex<f32>>(seed),
    }
}

#[test]
fn random_expressions_give_what_plain_ones_do() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(seed) = number("ARRAY_SEED") {
        return run(seed);
    }
    let cases = number("ARRAY_CASES").unwrap_or(3_900);
    let mut failed = Vec::new();
    for seed in 0..cases {
        if std::panic::catch_unwind(|| run(seed)).is_err() {
            eprintln!("^ the case of seed {seed}; ARRAY_SEED={seed} runs it again");
            failed.push(seed);
        }
    }
    let (packed, stayed) = (everywhere::PACKED.load(Ordering::Relaxed), everywhere::STAYED.load(Ordering::Relaxed));
    assert!(packed > 2 * stayed, "{stayed} of {packed} expressions could not travel");
    assert!(failed.is_empty(), "{} of {cases} cases failed: {failed:?}", failed.len());
}
