//! Moments as headers of HTTP have them.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::macros::format_description;

/// A moment to the second: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(moment: SystemTime) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    OffsetDateTime::from(moment)
        .format(format)
        .unwrap_or_default()
}
