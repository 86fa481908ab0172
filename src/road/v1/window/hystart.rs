//! HyStart++ (RFC 9406): leaves slow start when the RTT rises, before anything is lost.
