"""Does JPEG compression undo adversarial perturbations, by how much, why, and against whom?"""
