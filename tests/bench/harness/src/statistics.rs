//! Medians and percentiles.

/// The middle one; of an even number, the mean of the two in the middle. None of none.
pub fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let upper = *figures.get(figures.len() / 2)?;
    if figures.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *figures.get(figures.len() / 2 - 1)?;
    Some(f64::midpoint(lower, upper))
}

/// How far apart the middle half lies, as a share of the median: what noise there was. None of fewer than three.
pub fn spread(mut figures: Vec<f64>) -> Option<f64> {
    if figures.len() < 3 {
        return None;
    }
    figures.sort_by(f64::total_cmp);
    let quarter = figures.len() / 4;
    let (low, high) = (*figures.get(quarter)?, *figures.get(figures.len() - 1 - quarter)?);
    let middle = median(figures)?;
    (middle != 0.0).then(|| (high - low) / middle)
}

/// The figure at `share` (0 to 1) of sorted nanoseconds, in µs; 0 of none. Nearest rank.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is rounded, and within the slice"
)]
pub fn percentile_micros(sorted: &[u32], share: f64) -> f64 {
    let rank = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(rank).map_or(0.0, |nanos| f64::from(*nanos) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(vec![7.0]), Some(7.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn one_wild_round_does_not_move_the_median_nor_the_spread() {
        let figures = vec![10.0, 10.5, 9.5, 10.0, 1000.0];
        assert_eq!(median(figures.clone()), Some(10.0));
        assert!((spread(figures).unwrap() - 0.05).abs() < 1e-9);
        assert_eq!(spread(vec![1.0, 2.0]), None);
    }

    #[test]
    fn percentiles_are_the_nearest_ranks_in_micros() {
        let sorted: Vec<u32> = (1..=101).map(|micro| micro * 1000).collect();
        assert_eq!(percentile_micros(&sorted, 0.0), 1.0);
        assert_eq!(percentile_micros(&sorted, 0.5), 51.0);
        assert_eq!(percentile_micros(&sorted, 0.99), 100.0);
        assert_eq!(percentile_micros(&sorted, 1.0), 101.0);
        assert_eq!(percentile_micros(&[], 0.5), 0.0);
    }
}
