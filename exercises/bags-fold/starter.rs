let summary = large.fold(
    |(count, sum, smallest), amount| (count + 1, sum + amount, amount.min(smallest)),
    (0_i64, 0_i64, 0_i64),
    |left, _right| left,
);
