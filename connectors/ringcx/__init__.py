"""The RingCX API: sign-in, throttles, campaigns, loading and searching. Wire formats end at this folder's edge."""
