"""Where does the shipped model organism come from? Its tokenizer and its recipe; the files beside are the result."""
