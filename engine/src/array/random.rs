//! Random numbers: each is a function of the seed and of its place in the array.
//!
//! So an array of random numbers is the same whatever its chunks, the scheduler and the number of threads are, it costs no
//! memory, and a slice of it computes only what the slice holds. The bits are those of SplitMix64 (Steele, Lea and Flood,
//! 2014) at the place as its counter, with a key of the seed's and the distribution's; normal and exponential numbers are
//! drawn by the ziggurat of Marsaglia and Tsang (2000) with 256 layers.

use std::sync::{Arc, OnceLock};

use ndarray::IntoDimension;

use super::Array;
use super::chunks::{Chunking, Grid};
use super::create::{grid, lengths};
use super::dispatch::with_float;
use super::element::{DType, Element, Float, Scalar, sealed::Lanes};
use super::error::{ArrayError, built};
use super::fused::{AnyGenerator, Generator, generating};
use super::node::{Node, NodeRef};
use crate::task::{Made, Pack};

/// An array of random numbers to be: the distribution is still to be said. See [`Array::random`].
#[derive(Debug, Clone)]
pub struct Random<T> {
    draws: Draws,
    element: std::marker::PhantomData<fn() -> T>,
}

/// What is known before the distribution is.
#[derive(Debug, Clone)]
struct Draws {
    grid: Grid,
    seed: u64,
}

/// The constant of SplitMix64: 2⁶⁴ divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A bijection of 64 bits that scatters them: Stafford's thirteenth variant of MurmurHash3's finaliser.
#[inline(always)]
fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The random bits of one place: as many as are asked for.
#[derive(Debug, Clone, Copy)]
struct Bits {
    state: u64,
}

impl Bits {
    /// Bits beyond the first, for the few places that need more.
    #[cold]
    #[inline(never)]
    fn next(&mut self) -> u64 {
        self.state = mixed(self.state ^ 0x6a09_e667_f3bc_c909).wrapping_add(GOLDEN);
        mixed(self.state)
    }
}

/// The first bits of a place.
#[inline(always)]
fn first(key: u64, place: u64) -> u64 {
    mixed(key.wrapping_add(place.wrapping_mul(GOLDEN)))
}

/// From 0 on and below 1, in steps of 2⁻⁵³.
#[inline(always)]
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// A distribution: a number from the first bits of a place, and from more where it needs them.
trait Distribution<T>: Send + Sync + 'static {
    fn sample(&self, first: u64, key: u64, place: u64) -> T;
}

struct Draw<D> {
    key: u64,
    distribution: D,
}

impl<T: Element, D: Distribution<T>> Generator<T> for Draw<D> {
    fn fill(&self, from: u64, step: i64, out: &mut [T]) {
        if step == 1 {
            for (at, out) in out.iter_mut().enumerate() {
                let place = from.wrapping_add(at as u64);
                *out = self.distribution.sample(first(self.key, place), self.key, place);
            }
        } else {
            for (at, out) in out.iter_mut().enumerate() {
                let place = from.wrapping_add_signed(step.wrapping_mul(at as i64));
                *out = self.distribution.sample(first(self.key, place), self.key, place);
            }
        }
    }
}

fn draw<T: Element>(key: u64, distribution: impl Distribution<T>) -> Arc<dyn AnyGenerator> {
    generating::<T, _>(Draw { key, distribution })
}

impl<T: Element> Array<T> {
    /// Random numbers in this shape: say the [`seed`](Random::seed) and the distribution.
    ///
    /// Each element depends on the seed and on its place only, not on the chunks. Without a seed, every array gets
    /// another, so two arrays differ, and so do two runs of a program.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::random((100, 100), 30).seed(7).uniform(0.0, 1.0);
    /// let y = Array::<f64>::random((100, 100), "auto").seed(7).uniform(0.0, 1.0);
    /// assert!(x.eq(&y).all().item()?);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the chunks do not fit to the shape.
    #[track_caller]
    pub fn random(shape: impl IntoDimension, chunks: impl Into<Chunking>) -> Random<T> {
        let grid = grid(&lengths(shape), chunks.into(), T::DTYPE);
        Random { draws: Draws { grid, seed: another_seed() }, element: std::marker::PhantomData }
    }
}

/// A seed that nobody has had.
fn another_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one("seed")
}

impl<T> Random<T> {
    /// The number from which all others follow.
    pub fn seed(self, seed: u64) -> Random<T> {
        Random { draws: Draws { seed, ..self.draws }, ..self }
    }
}

impl Draws {
    /// An array whose elements `make` draws; it gets the key of all bits, and the parameters.
    fn node<P: Pack + Send + Sync + 'static>(
        self,
        name: &str,
        dtype: DType,
        parameters: P,
        make: impl Fn(&(u64, P)) -> Arc<dyn AnyGenerator> + 'static,
    ) -> NodeRef {
        let salt =
            name.bytes().fold(0, |salt: u64, byte| mixed(salt.wrapping_add(u64::from(byte)).wrapping_add(GOLDEN)));
        let key = mixed(mixed(self.seed.wrapping_add(GOLDEN)) ^ salt);
        Node::generated(name, dtype, Made::by((key, parameters), make), self.grid)
    }
}

struct Uniform<T> {
    low: T,
    width: T,
    /// The largest number that there may be: the upper end is never reached, also not by rounding.
    most: T,
}

impl<T: Float> Distribution<T> for Uniform<T> {
    #[inline(always)]
    fn sample(&self, first: u64, _key: u64, _place: u64) -> T {
        // As many bits as the type has: a half rounded up to the upper end would lie outside.
        let unit = if T::DTYPE.size() == 4 { (first >> 40) as f64 * (1.0 / (1_u64 << 24) as f64) } else { unit(first) };
        let value = self.low + self.width * T::from_f64(unit);
        if value > self.most { self.most } else { value }
    }
}

/// The layers of a ziggurat under a falling density: the edges, and the density there.
struct Ziggurat {
    edges: [f64; 257],
    density: [f64; 257],
}

impl Ziggurat {
    /// Layers of equal area: `tail` is the right edge of the lowest, `area` the area of each.
    fn new(tail: f64, area: f64, density: impl Fn(f64) -> f64, inverse: impl Fn(f64) -> f64) -> Ziggurat {
        let mut edges = [0.0; 257];
        edges[0] = area / density(tail);
        edges[1] = tail;
        for layer in 2..256 {
            let last = edges[layer - 1];
            edges[layer] = inverse(density(last) + area / last);
        }
        edges[256] = 0.0;
        Ziggurat { density: edges.map(density), edges }
    }
}

/// The right edge of the lowest layer of a normal ziggurat of 256 layers, and the area of a layer.
const NORMAL: (f64, f64) = (3.654_152_885_361_009, 0.004_928_673_233_974_655);
/// The same, for an exponential one.
const EXPONENTIAL: (f64, f64) = (7.697_117_470_131_05, 0.003_949_659_822_581_572);

fn normal_layers() -> &'static Ziggurat {
    static LAYERS: OnceLock<Ziggurat> = OnceLock::new();
    LAYERS.get_or_init(|| Ziggurat::new(NORMAL.0, NORMAL.1, |x| (-0.5 * x * x).exp(), |y| (-2.0 * y.ln()).sqrt()))
}

fn exponential_layers() -> &'static Ziggurat {
    static LAYERS: OnceLock<Ziggurat> = OnceLock::new();
    LAYERS.get_or_init(|| Ziggurat::new(EXPONENTIAL.0, EXPONENTIAL.1, |x| (-x).exp(), |y| -y.ln()))
}

/// A standard normal number.
#[inline(always)]
fn standard_normal(layers: &Ziggurat, bits: u64, place: u64) -> f64 {
    let layer = (bits & 0xff) as usize;
    // Signed, from -1 on and below 1.
    let along = (bits as i64 >> 11) as f64 * (1.0 / (1_u64 << 52) as f64);
    let x = along * layers.edges[layer];
    if x.abs() < layers.edges[layer + 1] { x } else { rare_normal(layers, bits, place) }
}

/// The one in a hundred that is not inside its layer for certain.
#[cold]
#[inline(never)]
fn rare_normal(layers: &Ziggurat, bits: u64, place: u64) -> f64 {
    let mut bits = bits;
    let mut more = Bits { state: bits ^ mixed(place) };
    loop {
        let layer = (bits & 0xff) as usize;
        let along = (bits as i64 >> 11) as f64 * (1.0 / (1_u64 << 52) as f64);
        let x = along * layers.edges[layer];
        if x.abs() < layers.edges[layer + 1] {
            return x;
        }
        if layer == 0 {
            // Marsaglia's tail.
            loop {
                let beyond = -(1.0 - unit(more.next())).ln() / NORMAL.0;
                let height = -(1.0 - unit(more.next())).ln();
                if 2.0 * height >= beyond * beyond {
                    return (NORMAL.0 + beyond).copysign(along);
                }
            }
        }
        let (low, high) = (layers.density[layer], layers.density[layer + 1]);
        if low + unit(more.next()) * (high - low) < (-0.5 * x * x).exp() {
            return x;
        }
        bits = more.next();
    }
}

#[inline(always)]
fn standard_exponential(layers: &Ziggurat, bits: u64, place: u64) -> f64 {
    let layer = (bits & 0xff) as usize;
    let x = unit(bits) * layers.edges[layer];
    if x < layers.edges[layer + 1] { x } else { rare_exponential(layers, bits, place) }
}

#[cold]
#[inline(never)]
fn rare_exponential(layers: &Ziggurat, bits: u64, place: u64) -> f64 {
    let mut bits = bits;
    let mut more = Bits { state: bits ^ mixed(place) };
    let mut before = 0.0;
    loop {
        let layer = (bits & 0xff) as usize;
        let x = unit(bits) * layers.edges[layer];
        if x < layers.edges[layer + 1] {
            return before + x;
        }
        if layer == 0 {
            // Beyond the tail's edge the density is the same again.
            before += EXPONENTIAL.0;
        } else {
            let (low, high) = (layers.density[layer], layers.density[layer + 1]);
            if low + unit(more.next()) * (high - low) < (-x).exp() {
                return before + x;
            }
        }
        bits = more.next();
    }
}

struct Normal<T> {
    mean: T,
    deviation: T,
    layers: &'static Ziggurat,
}

impl<T: Float> Distribution<T> for Normal<T> {
    #[inline(always)]
    fn sample(&self, first: u64, _key: u64, place: u64) -> T {
        self.mean + self.deviation * T::from_f64(standard_normal(self.layers, first, place))
    }
}

struct Exponential<T> {
    scale: T,
    layers: &'static Ziggurat,
}

impl<T: Float> Distribution<T> for Exponential<T> {
    #[inline(always)]
    fn sample(&self, first: u64, _key: u64, place: u64) -> T {
        self.scale * T::from_f64(standard_exponential(self.layers, first, place))
    }
}

impl<T: Float> Random<T> {
    /// Numbers from `low` on and below `high`, all as likely.
    pub fn uniform(self, low: T, high: T) -> Array<T> {
        fn node(dtype: DType, draws: Draws, low: Scalar, high: Scalar) -> NodeRef {
            draws.node("uniform", dtype, (dtype, low, high), |&(key, (dtype, low, high))| {
                with_float!(dtype, U => {
                    let (low, high) = (U::from_scalar(low), U::from_scalar(high));
                    let most = if low < high { high.next_down() } else { low };
                    draw::<U>(key, Uniform { low, width: high - low, most })
                })
            })
        }
        Array::of(node(T::DTYPE, self.draws, low.scalar(), high.scalar()))
    }

    /// Normal numbers with this mean and standard deviation.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::random((1000, 1000), "auto").seed(3).normal(10.0, 2.0);
    /// let (mean, std) = compute!(x.mean(), x.std())?;
    /// assert!((mean.first().unwrap() - 10.0).abs() < 0.01 && (std.first().unwrap() - 2.0).abs() < 0.01);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the deviation is negative.
    #[track_caller]
    pub fn normal(self, mean: T, deviation: T) -> Array<T> {
        if deviation < T::default() {
            let why = format!("a standard deviation cannot be {deviation}");
            built::<()>(Err(ArrayError::Parameter { operation: "normal".into(), why }));
        }
        fn node(dtype: DType, draws: Draws, mean: Scalar, deviation: Scalar) -> NodeRef {
            draws.node("normal", dtype, (dtype, mean, deviation), |&(key, (dtype, mean, deviation))| {
                with_float!(dtype, U => {
                    let (mean, deviation) = (U::from_scalar(mean), U::from_scalar(deviation));
                    draw::<U>(key, Normal { mean, deviation, layers: normal_layers() })
                })
            })
        }
        Array::of(node(T::DTYPE, self.draws, mean.scalar(), deviation.scalar()))
    }

    /// Numbers with an exponential distribution of this mean.
    ///
    /// # Panics
    /// When the mean is negative.
    #[track_caller]
    pub fn exponential(self, scale: T) -> Array<T> {
        if scale < T::default() {
            let why = format!("a mean cannot be {scale}");
            built::<()>(Err(ArrayError::Parameter { operation: "exponential".into(), why }));
        }
        fn node(dtype: DType, draws: Draws, scale: Scalar) -> NodeRef {
            draws.node("exponential", dtype, (dtype, scale), |&(key, (dtype, scale))| {
                with_float!(dtype, U => {
                    draw::<U>(key, Exponential { scale: U::from_scalar(scale), layers: exponential_layers() })
                })
            })
        }
        Array::of(node(T::DTYPE, self.draws, scale.scalar()))
    }
}

/// Whole numbers from a range.
struct Integers {
    low: i64,
    count: u64,
}

impl Distribution<i64> for Integers {
    #[inline(always)]
    fn sample(&self, first: u64, _key: u64, place: u64) -> i64 {
        // Lemire's multiplication, without bias: what would make one number likelier is drawn again.
        let mut wide = u128::from(first) * u128::from(self.count);
        if (wide as u64) < self.count {
            let unfair = self.count.wrapping_neg() % self.count;
            let mut more = Bits { state: first ^ mixed(place) };
            while (wide as u64) < unfair {
                wide = u128::from(more.next()) * u128::from(self.count);
            }
        }
        self.low.wrapping_add((wide >> 64) as i64)
    }
}

/// Poisson numbers: by counting products of uniform ones where the mean is small, by Hörmann's transformed rejection
/// (PTRS, 1993) where it is not.
struct Poisson {
    mean: f64,
}

/// From here on the transformed rejection is the quicker.
const LARGE_MEAN: f64 = 10.0;

impl Distribution<i64> for Poisson {
    fn sample(&self, first: u64, _key: u64, place: u64) -> i64 {
        let mut more = Bits { state: first ^ mixed(place) };
        if self.mean < LARGE_MEAN {
            let limit = (-self.mean).exp();
            let mut count = 0;
            let mut product = unit(first);
            while product > limit {
                count += 1;
                product *= unit(more.next());
            }
            return count;
        }
        let log_mean = self.mean.ln();
        let b = 0.931 + 2.53 * self.mean.sqrt();
        let a = -0.059 + 0.02483 * b;
        let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        let v_r = 0.9277 - 3.6224 / (b - 2.0);
        let mut bits = first;
        loop {
            let u = unit(bits) - 0.5;
            let v = 1.0 - unit(more.next());
            let us = 0.5 - u.abs();
            let k = ((2.0 * a / us + b) * u + self.mean + 0.43).floor();
            if us >= 0.07 && v <= v_r {
                return k as i64;
            }
            let inside = k >= 0.0 && !(us < 0.013 && v > us);
            let log = v.ln() + inverse_alpha.ln() - (a / (us * us) + b).ln();
            if inside && log <= -self.mean + k * log_mean - log_factorial(k) {
                return k as i64;
            }
            bits = more.next();
        }
    }
}

/// ln k!, by Stirling's series above ten.
fn log_factorial(k: f64) -> f64 {
    if k < 10.0 {
        return (2..=k as u32).map(|n| f64::from(n).ln()).sum();
    }
    let x = k + 1.0;
    let inverse = 1.0 / (x * x);
    let series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse / 1680.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

impl Random<i64> {
    /// Whole numbers from a range, all as likely.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let dice = Array::<i64>::random((10_000,), "auto").seed(5).integers(1..7);
    /// let (low, high) = compute!(dice.min(), dice.max())?;
    /// assert_eq!((low.first(), high.first()), (Some(&1), Some(&6)));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the range is empty.
    #[track_caller]
    pub fn integers(self, range: std::ops::Range<i64>) -> Array<i64> {
        if range.is_empty() {
            let why = format!("there is no number in {}..{}", range.start, range.end);
            built::<()>(Err(ArrayError::Parameter { operation: "integers".into(), why }));
        }
        let count = range.end.wrapping_sub(range.start) as u64;
        Array::of(self.draws.node("integers", DType::I64, (range.start, count), |&(key, (low, count))| {
            draw(key, Integers { low, count })
        }))
    }

    /// Poisson numbers: how often something happens that happens `mean` times on average.
    ///
    /// # Panics
    /// When the mean is negative, NaN or infinite.
    #[track_caller]
    pub fn poisson(self, mean: f64) -> Array<i64> {
        if !(mean.is_finite() && mean >= 0.0) {
            let why = format!("a mean cannot be {mean}");
            built::<()>(Err(ArrayError::Parameter { operation: "poisson".into(), why }));
        }
        Array::of(self.draws.node("poisson", DType::I64, mean, |&(key, mean)| draw(key, Poisson { mean })))
    }
}
