//! Sums that do not lose anything, threads that do not matter, interrupts, failures, and long expressions.

use std::time::Duration;

use ndarray::s;
use taskloom::{Array, Error, Scheduler, compute};

#[test]
fn sums_do_not_lose_what_is_small() {
    // A million tenths: added one after the other they are off in the tenth digit.
    let tenths = Array::<f64>::full((1000, 1000), 0.1, (100, 300));
    for sum in [tenths.sum(), tenths.sum_axis(0).sum(), tenths.sum_axis(1).sum(), tenths.t().sum()] {
        let sum = sum.item().unwrap();
        assert!((sum - 100_000.0).abs() < 1e-9, "{sum}");
    }
    let single = Array::<f32>::full((4_000_000,), 0.1, 100_000);
    let sum = single.sum().item().unwrap();
    assert!((sum - 400_000.0).abs() <= 0.4, "{sum}");
    // Tiles of large numbers that cancel.
    let large = Array::<f64>::from_fn((4096,), 1024, |at| match at[0] / 1024 {
        0 => 1e20,
        3 => -1e20,
        _ => 1.0,
    });
    assert_eq!(large.sum().item().unwrap(), 2048.0);
    // The variance of numbers far from 0.
    let far = Array::<f64>::from_fn((300, 77), (7, 9), |at| 1e9 + (at[0] % 2) as f64);
    for var in [far.var(), far.var_axis(0).min(), far.var_axis(0).max(), far.t().var()] {
        let var = var.item().unwrap();
        assert!((var - 0.25).abs() < 1e-13, "{var}");
    }
}

#[test]
fn threads_do_not_change_results() {
    let x = Array::<f64>::random((501, 307), (50, 64)).seed(1).normal(3.0, 10.0);
    let bits = |threads: usize| -> Vec<u64> {
        let scheduler = Scheduler::Threads(threads);
        let all = [x.sum(), x.mean(), x.var(), x.prod(), (&x - x.mean_axis(0)).square().sum()];
        let mut bits: Vec<u64> =
            all.iter().map(|array| array.compute_with(scheduler).unwrap().sum().to_bits()).collect();
        bits.extend(x.std_axis(1).compute_with(scheduler).unwrap().iter().map(|value| value.to_bits()));
        bits
    };
    let one = bits(1);
    for threads in [2, 4, 2, 4] {
        assert!(bits(threads) == one, "{threads} threads");
    }
    let alone = x.sum().item().unwrap();
    let (with_others, ..) = compute!(x.sum(), x.max(), x.mean()).unwrap();
    assert_eq!(with_others.sum().to_bits(), alone.to_bits(), "in one pass with others");
}

#[test]
fn a_failure_names_the_task() {
    let x = Array::<f64>::ones((8,), 2);
    let broken = x.map_blocks(|block| if block.len() == 2 { panic!("out of cheese") } else { block.to_owned() });
    for scheduler in [Scheduler::Sync, Scheduler::Threads(2)] {
        let error = (&broken + 1.0).sum().compute_with(scheduler).unwrap_err();
        let Error::Task(error) = &error else { panic!("{error:?}") };
        assert_eq!(error.task(), "map_blocks");
        assert!(error.to_string().contains("out of cheese"), "{error}");
    }
    let shape = x.map_blocks(|_| ndarray::ArrayD::<f64>::zeros(vec![3])).compute().unwrap_err();
    assert!(shape.to_string().contains("the block has shape (3,), and (2,) was said"), "{shape}");
    let element = x.map_elements(|x| if x > 0.0 { panic!("no ones") } else { x }).compute().unwrap_err();
    assert!(element.to_string().contains("`ones-map_elements` panicked: no ones"), "{element}");
}

#[test]
fn whole_numbers_divided_by_zero_are_a_failure_of_the_task() {
    let x = Array::<i64>::arange(5, 5);
    let error = (10 / &x).compute().unwrap_err();
    assert!(error.to_string().contains("divide by zero") && error.to_string().contains("div"), "{error}");
    assert_eq!((&x / x.maximum(1)).sum().item().unwrap(), 4);
}

#[test]
fn long_chains_cost_what_they_have_to() {
    let mut x = Array::<f64>::ones((2000,), 1000);
    let mut y = Array::<f64>::zeros((2000,), 500);
    for step in 0..2_000 {
        x = match step % 4 {
            0 => x + 1.0,
            1 => x.slice(s![..;-1]),
            2 => x * 1.0,
            _ => x.maximum(&y),
        };
        y = &y + &x * 0.0;
    }
    assert_eq!(x.max().item().unwrap(), 501.0);
    // Steps on a grid with a mean in each, as a solver has them.
    let mut z = Array::<f64>::random((64, 64), 32).seed(1).uniform(0.0, 1.0);
    for _ in 0..300 {
        z = (&z + z.t()) / 2.0 - z.mean() + 0.5;
    }
    assert!((z.mean().item().unwrap() - 0.5).abs() < 1e-9);
}

#[test]
fn programs_that_share_much_stay_small() {
    let mut x = Array::<f64>::ones((10, 10), 4);
    for _ in 0..60 {
        x = &x + &x;
    }
    assert_eq!(x.slice(s![0, 0]).item().unwrap(), 2_f64.powi(60));
    assert_eq!(x.t().rechunk(3).max().item().unwrap(), 2_f64.powi(60));
    let mut reduced = Array::<f64>::ones((10, 10), 4);
    for _ in 0..60 {
        reduced = &reduced + reduced.max() - reduced.min_axis(0);
    }
    assert_eq!(reduced.slice(s![..2, ..;3]).sum().item().unwrap(), 8.0);
}

#[test]
#[ignore = "it interrupts all computations of the process; it is run alone by interrupts_end_a_long_block"]
fn interrupted() {
    let x = Array::<f64>::random((200_000, 20_000), (200_000, 20_000)).seed(1).normal(0.0, 1.0);
    let long = x.sin().exp().sum();
    for scheduler in [Scheduler::Sync, Scheduler::Threads(2)] {
        let interrupter = std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            taskloom::interrupt();
        });
        let error = long.compute_with(scheduler).unwrap_err();
        interrupter.join().expect("it only waits");
        assert!(error.to_string().contains("interrupted"), "{error}");
        assert!(matches!(error, Error::Cancelled { .. }), "{error:?}");
    }
}

#[test]
fn interrupts_end_a_long_block() {
    let itself = std::env::current_exe().expect("tests have a file");
    let status = std::process::Command::new(itself)
        .args(["deep::interrupted", "--exact", "--ignored", "--test-threads=1"])
        .output()
        .expect("it starts");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
}

#[test]
fn variances_do_not_cancel() {
    let var = |function: fn(usize) -> f64| {
        let x = Array::from_fn((3000, 5), (700, 3), move |at| function(at[0]));
        let wanted = x.slice(s![.., 0]).compute().unwrap();
        let mean = wanted.sum() / 3000.0;
        let wanted = wanted.mapv(|x| (x - mean) * (x - mean)).sum() / 3000.0;
        for found in [x.var(), x.var_axis(0).max(), x.t().var(), x.map_blocks(|block| block.to_owned()).var()] {
            let found = found.item().unwrap();
            assert!((found - wanted).abs() <= 1e-11 * wanted, "{found} instead of {wanted}");
        }
    };
    // All alike; one far from all others, first or last; a step; a drift.
    assert_eq!(Array::<f64>::full((3000,), 0.1, 700).std().item().unwrap(), 0.0);
    var(|place| if place == 0 { 1e9 } else { (place % 7) as f64 });
    var(|place| if place == 2999 { 1e9 } else { (place % 7) as f64 });
    var(|place| if place < 1500 { 1e6 } else { -1e6 } + (place % 3) as f64);
    var(|place| place as f64 * 1e3);
}
