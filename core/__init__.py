"""What every package may lean on and nobody owns: errors, the clock, typed requests. No models."""
