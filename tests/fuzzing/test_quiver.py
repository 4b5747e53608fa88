"""Rows of Quiver's and bars of Alpaca's, whatever is in them: a record, a row that is parked, or an answer refused."""



