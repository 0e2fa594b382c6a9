"""Programs that official clients run: each drives one library against whatever the variables name.

They stand alone, for each runs where its library is installed and nothing else, and print what they
saw as one JSON object.
"""
