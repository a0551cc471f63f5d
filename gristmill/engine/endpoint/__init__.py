"""The parts of engine `openai`: what is sent, how, to whom, and what faults mean."""
