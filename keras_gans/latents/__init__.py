"""What is done with the latent vectors of a trained generator."""
