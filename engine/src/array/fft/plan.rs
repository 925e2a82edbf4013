//! The discrete Fourier transform of one run of numbers.
//!
//! Lengths are split into factors, and each pass turns one of them, sorting as it goes (Stockham's form of Cooley and Tukey,
//! in the order of Swarztrauber's FFTPACK). A length with a large prime factor becomes a convolution of a length without one
//! (Bluestein, 1970).

use std::sync::OnceLock;

use num_complex::Complex;

use crate::array::element::Float;
use crate::task::{Pack, Packer, Unpacker};

/// Prime factors up to here are turned by their definition.
const LARGEST_FACTOR: usize = 31;

/// What a length needs to know: made once for all runs.
pub(super) enum Plan<T> {
    Passes(Vec<Pass<T>>),
    Convolution(Box<Convolution<T>>),
}

pub(super) struct Pass<T> {
    factor: usize,
    /// The product of the factors before this one, and of those after it.
    before: usize,
    after: usize,
    /// For each output but the first, and each place, by what it is turned.
    twiddles: Vec<Complex<T>>,
    /// The roots of one of this factor.
    roots: Vec<Complex<T>>,
}

/// `e^(-2πi · place / len)`
pub(super) fn root<T: Float>(place: usize, len: usize) -> Complex<T> {
    // Eighths of a turn are exact, and the rest is near 0, where sines are accurate.
    let eighths = (8 * place as u128 / len as u128) as usize;
    let rest = (8 * place as u128 % len as u128) as f64 / len as f64;
    let (octant, rest) = if eighths % 2 == 1 { (eighths + 1, rest - 1.0) } else { (eighths, rest) };
    let (sine, cosine) = (rest * std::f64::consts::FRAC_PI_4).sin_cos();
    let (re, im) = match (octant / 2) % 4 {
        0 => (cosine, -sine),
        1 => (-sine, -cosine),
        2 => (-cosine, sine),
        _ => (sine, cosine),
    };
    Complex::new(T::from_f64(re), T::from_f64(im))
}

/// Fours, a two, then the odd primes.
fn factors(mut len: usize) -> Vec<usize> {
    let mut found = Vec::new();
    for factor in [4, 2] {
        while len > 1 && len.is_multiple_of(factor) {
            found.push(factor);
            len /= factor;
        }
    }
    let mut factor = 3;
    while len > 1 {
        while len.is_multiple_of(factor) {
            found.push(factor);
            len /= factor;
        }
        factor += 2;
        if factor * factor > len && len > 1 {
            found.push(len);
            break;
        }
    }
    found
}

impl<T: Float> Plan<T> {
    pub(super) fn new(len: usize) -> Plan<T> {
        let factors = factors(len);
        if factors.iter().any(|&factor| factor > LARGEST_FACTOR) {
            return Plan::Convolution(Box::new(Convolution::new(len)));
        }
        let mut before = 1;
        let passes = factors.into_iter().map(|factor| {
            let after = len / before / factor;
            let turns = (1..factor).flat_map(|output| (0..after).map(move |place| output * place * before));
            let pass = Pass {
                factor,
                before,
                after,
                twiddles: turns.map(|turn| root(turn, len)).collect(),
                roots: (0..factor).map(|place| root(place, factor)).collect(),
            };
            before *= factor;
            pass
        });
        Plan::Passes(passes.collect())
    }

    /// The transform, in place; `room` is as long.
    pub(super) fn forward(&self, values: &mut Vec<Complex<T>>, room: &mut Vec<Complex<T>>) {
        room.resize(values.len(), Complex::default());
        match self {
            Plan::Passes(passes) => {
                for pass in passes {
                    crate::array::fused::vectorised(
                        #[inline(always)]
                        || pass.run(values, room),
                    );
                    std::mem::swap(values, room);
                }
            }
            Plan::Convolution(convolution) => convolution.run(values),
        }
    }

    /// The inverse transform, in place, divided by the length.
    pub(super) fn inverse(&self, values: &mut Vec<Complex<T>>, room: &mut Vec<Complex<T>>) {
        let swap = |value: &mut Complex<T>| std::mem::swap(&mut value.re, &mut value.im);
        values.iter_mut().for_each(swap);
        self.forward(values, room);
        let scale = T::from_f64(1.0 / values.len().max(1) as f64);
        for value in values {
            swap(value);
            *value = value.scale(scale);
        }
    }
}

impl<T: Float> Pass<T> {
    #[inline(always)]
    fn run(&self, from: &[Complex<T>], to: &mut [Complex<T>]) {
        match self.factor {
            2 => self.small::<2>(from, to, |[a, b]| [a + b, a - b]),
            3 => {
                let (half, sine) = (T::from_f64(-0.5), T::from_f64(-(3.0_f64.sqrt()) / 2.0));
                self.small::<3>(from, to, |[a, b, c]| {
                    let (sum, difference) = (b + c, (b - c).scale(sine));
                    let (middle, turned) = (a + sum.scale(half), quarter(difference));
                    [a + sum, middle + turned, middle - turned]
                });
            }
            4 => self.small::<4>(from, to, |[a, b, c, d]| {
                let (even, odd) = (a + c, b + d);
                let (low, high) = (a - c, quarter(b - d));
                [even + odd, low - high, even - odd, low + high]
            }),
            5 => {
                let constant = |turn: f64| (turn * std::f64::consts::TAU / 5.0).sin_cos();
                let ((s1, c1), (s2, c2)) = (constant(1.0), constant(2.0));
                let [s1, c1, s2, c2] = [s1, c1, s2, c2].map(T::from_f64);
                self.small::<5>(from, to, |[a, b, c, d, e]| {
                    let (outer, inner) = (b + e, c + d);
                    let (out, inn) = (b - e, c - d);
                    let one = a + outer.scale(c1) + inner.scale(c2);
                    let two = a + outer.scale(c2) + inner.scale(c1);
                    let first = quarter(out.scale(s1) + inn.scale(s2));
                    let second = quarter(out.scale(s2) - inn.scale(s1));
                    [a + outer + inner, one - first, two - second, two + second, one + first]
                });
            }
            _ => self.by_definition(from, to),
        }
    }

    /// A factor whose transform is written out.
    #[inline(always)]
    fn small<const N: usize>(
        &self,
        from: &[Complex<T>],
        to: &mut [Complex<T>],
        turn: impl Fn([Complex<T>; N]) -> [Complex<T>; N],
    ) {
        let (before, after) = (self.before, self.after);
        if after == 1 {
            // The last pass: nothing is left to turn by.
            for (group, from) in from.chunks_exact(N).enumerate() {
                let out = turn(std::array::from_fn(|input| from[input]));
                for (output, out) in out.into_iter().enumerate() {
                    to[group + before * output] = out;
                }
            }
            return;
        }
        let twiddles: [&[Complex<T>]; N] =
            std::array::from_fn(
                |output| if output == 0 { &[] } else { &self.twiddles[(output - 1) * after..output * after] },
            );
        for group in 0..before {
            let inputs: [&[Complex<T>]; N] =
                std::array::from_fn(|input| &from[after * (input + N * group)..after * (input + N * group) + after]);
            // The outputs lie as far apart as all groups take.
            let mut rest = &mut to[after * group..];
            let outputs: [&mut [Complex<T>]; N] = std::array::from_fn(|output| {
                let all = std::mem::take(&mut rest);
                let step = if output + 1 < N { after * before } else { after };
                let (own, later) = all.split_at_mut(step);
                rest = later;
                &mut own[..after]
            });
            for place in 0..after {
                let out = turn(std::array::from_fn(|input| inputs[input][place]));
                outputs[0][place] = out[0];
                for output in 1..N {
                    outputs[output][place] = out[output] * twiddles[output][place];
                }
            }
        }
    }

    fn by_definition(&self, from: &[Complex<T>], to: &mut [Complex<T>]) {
        let (factor, before, after) = (self.factor, self.before, self.after);
        for group in 0..before {
            for place in 0..after {
                for output in 0..factor {
                    let mut sum = Complex::default();
                    for input in 0..factor {
                        sum =
                            sum + from[place + after * (input + factor * group)] * self.roots[output * input % factor];
                    }
                    let turned = if output == 0 { sum } else { sum * self.twiddles[(output - 1) * after + place] };
                    to[place + after * (group + before * output)] = turned;
                }
            }
        }
    }
}

/// `i` times a number.
#[inline(always)]
fn quarter<T: Float>(value: Complex<T>) -> Complex<T> {
    Complex::new(-value.im, value.re)
}

pub(super) struct Convolution<T> {
    chirp: Vec<Complex<T>>,
    /// The transform of the chirp's conjugate, at the length of the convolution.
    kernel: Vec<Complex<T>>,
    plan: Plan<T>,
}

impl<T: Float> Convolution<T> {
    fn new(len: usize) -> Convolution<T> {
        let wide = (2 * len - 1).next_power_of_two();
        let square = |place: usize| (place as u128 * place as u128 % (2 * len as u128)) as usize;
        let chirp: Vec<Complex<T>> = (0..len).map(|place| root(square(place), 2 * len)).collect();
        let mut kernel = vec![Complex::default(); wide];
        for (place, value) in chirp.iter().enumerate() {
            kernel[place] = value.conj_of();
            kernel[(wide - place) % wide] = value.conj_of();
        }
        let plan = Plan::new(wide);
        plan.forward(&mut kernel, &mut Vec::new());
        Convolution { chirp, kernel, plan }
    }

    fn run(&self, values: &mut [Complex<T>]) {
        let mut wide = vec![Complex::default(); self.kernel.len()];
        let mut room = Vec::new();
        for ((wide, &value), &chirp) in wide.iter_mut().zip(values.iter()).zip(&self.chirp) {
            *wide = value * chirp;
        }
        self.plan.forward(&mut wide, &mut room);
        wide.iter_mut().zip(&self.kernel).for_each(|(value, &kernel)| *value = *value * kernel);
        self.plan.inverse(&mut wide, &mut room);
        for ((value, &wide), &chirp) in values.iter_mut().zip(&wide).zip(&self.chirp) {
            *value = wide * chirp;
        }
    }
}

trait Conjugate {
    fn conj_of(&self) -> Self;
}

impl<T: Float> Conjugate for Complex<T> {
    fn conj_of(&self) -> Self {
        Complex::new(self.re, -self.im)
    }
}

/// The first half of the transform of real numbers: the rest is its mirror image.
pub(super) struct Real<T> {
    plan: Plan<T>,
    /// By what the odd elements are turned; none for an odd length.
    turns: Vec<Complex<T>>,
}

impl<T: Float> Real<T> {
    pub(super) fn new(len: usize) -> Real<T> {
        match len % 2 {
            1 => Real { plan: Plan::new(len), turns: Vec::new() },
            _ => Real { plan: Plan::new(len / 2), turns: (0..=len / 2).map(|place| root(place, len)).collect() },
        }
    }

    pub(super) fn forward(
        &self,
        from: &[T],
        values: &mut Vec<Complex<T>>,
        room: &mut Vec<Complex<T>>,
        to: &mut Vec<Complex<T>>,
    ) {
        values.clear();
        to.clear();
        if self.turns.is_empty() {
            values.extend(from.iter().map(|&value| Complex::new(value, T::default())));
            self.plan.forward(values, room);
            to.extend_from_slice(&values[..from.len().div_ceil(2)]);
            return;
        }
        // Two by two as complex numbers of half the length.
        values.extend(from.chunks_exact(2).map(|pair| Complex::new(pair[0], pair[1])));
        self.plan.forward(values, room);
        let (half, middle) = (T::from_f64(0.5), values.len());
        to.extend(self.turns.iter().enumerate().map(|(place, &turn)| {
            let (one, other) = (values[place % middle], values[(middle - place) % middle].conj_of());
            let (even, odd) = ((one + other).scale(half), quarter(other - one).scale(half));
            even + odd * turn
        }));
    }
}

/// The plans of one length, made when the first block needs them.
#[derive(Default)]
pub(super) struct Plans {
    single: OnceLock<Plan<f32>>,
    double: OnceLock<Plan<f64>>,
    single_real: OnceLock<Real<f32>>,
    double_real: OnceLock<Real<f64>>,
}

/// A plan follows from the length: it is made again where it is needed.
impl Pack for Plans {
    fn pack(&self, _packer: &mut Packer) -> Result<(), String> {
        Ok(())
    }
    fn unpack(_unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        Ok(Plans::default())
    }
}

/// The types that plans are made for.
pub(super) trait Planned: Float {
    fn plan(plans: &Plans, len: usize) -> &Plan<Self>;
    fn real(plans: &Plans, len: usize) -> &Real<Self>;
}

impl Planned for f32 {
    fn plan(plans: &Plans, len: usize) -> &Plan<f32> {
        plans.single.get_or_init(|| Plan::new(len))
    }
    fn real(plans: &Plans, len: usize) -> &Real<f32> {
        plans.single_real.get_or_init(|| Real::new(len))
    }
}

impl Planned for f64 {
    fn plan(plans: &Plans, len: usize) -> &Plan<f64> {
        plans.double.get_or_init(|| Plan::new(len))
    }
    fn real(plans: &Plans, len: usize) -> &Real<f64> {
        plans.double_real.get_or_init(|| Real::new(len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_definition(values: &[Complex<f64>]) -> Vec<Complex<f64>> {
        let len = values.len();
        let sum = |k: usize| (0..len).map(|j| values[j] * root::<f64>(j * k % len, len)).sum();
        (0..len).map(sum).collect()
    }

    fn wild(len: usize) -> Vec<Complex<f64>> {
        (0..len).map(|k| Complex::new((k as f64 * 1.7).sin(), ((k * k) as f64 * 0.3).cos())).collect()
    }

    #[test]
    fn roots_are_exact_where_they_can_be() {
        assert_eq!(root::<f64>(1, 4), Complex::new(0.0, -1.0));
        assert_eq!(root::<f64>(2, 4), Complex::new(-1.0, 0.0));
        assert_eq!(root::<f64>(3, 4), Complex::new(0.0, 1.0));
        // The angle of the reference is off by a unit in its last place, and a turn is more than 4.
        for place in 0..1000 {
            let angle = -std::f64::consts::TAU * place as f64 / 1000.0;
            assert!(
                (root::<f64>(place, 1000) - Complex::new(angle.cos(), angle.sin())).norm()
                    < 4.0 * f64::EPSILON * std::f64::consts::TAU
            );
        }
    }

    #[test]
    fn transforms_follow_the_definition() {
        let lengths = (1..70).chain([74, 97, 100, 120, 121, 128, 210, 256, 289, 331, 360, 1009]);
        for len in lengths {
            let values = wild(len);
            let plan = Plan::new(len);
            let (mut found, mut room) = (values.clone(), Vec::new());
            plan.forward(&mut found, &mut room);
            for (one, two) in found.iter().zip(by_definition(&values)) {
                assert!((one - two).norm() < 1e-12 * (len as f64 + 10.0), "{len}: {one} {two}");
            }
            plan.inverse(&mut found, &mut room);
            for (one, two) in found.iter().zip(&values) {
                assert!((one - two).norm() < 1e-12, "{len}");
            }
            let real: Vec<f64> = values.iter().map(|value| value.re).collect();
            let wanted = by_definition(&real.iter().map(|&re| Complex::new(re, 0.0)).collect::<Vec<_>>());
            let mut half = Vec::new();
            Real::new(len).forward(&real, &mut Vec::new(), &mut room, &mut half);
            assert_eq!(half.len(), len / 2 + 1);
            for (one, two) in half.iter().zip(wanted) {
                assert!((one - two).norm() < 1e-12 * (len as f64 + 10.0), "{len}: {one} {two}");
            }
        }
    }
}
