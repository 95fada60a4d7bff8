"""The VCSL benchmark: its files read, any aligner run over its pairs, tuned, and held against published figures."""
