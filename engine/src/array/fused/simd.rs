//! Loops compiled twice: for every processor of the target, and for those with wider vectors.

/// Runs the work, compiled for AVX2 where the processor has it. The work has to be inlined into this, so it should be a
/// closure around one loop.
///
/// Fused multiply-add is not switched on: results must be the same on every machine.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn wide<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has been asked.
            return unsafe { wide(work) };
        }
    }
    work()
}
