"""Questions on sizes, costs and receptive fields: made, worked, marked and exported."""
