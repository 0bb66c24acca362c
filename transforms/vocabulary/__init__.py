"""The words every floor shares: lead fields, RingCX's options, outcomes, reason codes and errors."""
