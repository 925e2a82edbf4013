let summary = large.fold(
    |(count, sum, smallest), amount| (count + 1, sum + amount, amount.min(smallest)),
    (0_i64, 0_i64, i64::MAX),
    |left, right| (left.0 + right.0, left.1 + right.1, left.2.min(right.2)),
);
