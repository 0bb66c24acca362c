"""One module a layout. What is here has run on ledgers elsewhere: steps are added, never changed."""
