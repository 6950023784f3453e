//! [`Catalogue`]: the names that a query can use, as the database and its dialect have them.

use sqlx::SqliteConnection;

/// What there is to ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Tables and views by name; those that the database keeps for itself are left out.
    pub relations: Vec<Relation>,
    /// Words of the dialect that a query may hold, upper case.
    pub keywords: Vec<String>,
    /// Functions of the dialect, lower case.
    pub functions: Vec<String>,
}

/// A table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its name.
    pub name: String,
    /// Whether it is a view.
    pub is_view: bool,
    /// Its columns in order.
    pub columns: Vec<String>,
    /// The statements that made it, its indexes included, one after the other.
    pub sql: String,
}

/// Words that stand in queries that read.
const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COLLATE",
    "CROSS",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "FILTER",
    "FROM",
    "FULL",
    "GLOB",
    "GROUP",
    "HAVING",
    "IN",
    "INNER",
    "INTERSECT",
    "IS",
    "ISNULL",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "MATCH",
    "MATERIALIZED",
    "NATURAL",
    "NOT",
    "NOTNULL",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PLAN",
    "QUERY",
    "RECURSIVE",
    "RIGHT",
    "ROWS",
    "SELECT",
    "THEN",
    "UNION",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// Reads the schema and the functions.
pub(super) async fn collect(conn: &mut SqliteConnection) -> Result<Catalogue, sqlx::Error> {
    let relations: Vec<(String, bool, String)> = sqlx::query_as(
        // A full-text index keeps its parts in tables of its own, which are of no use to a query: 'shadow'.
        "SELECT r.name, r.type = 'view', coalesce((SELECT group_concat(s.sql || ';', char(10)) FROM
             (SELECT sql FROM sqlite_schema WHERE tbl_name = r.name AND sql IS NOT NULL ORDER BY type DESC, name) s), '')
         FROM sqlite_schema r JOIN pragma_table_list l ON l.name = r.name AND l.schema = 'main'
         WHERE r.type IN ('table', 'view') AND l.type <> 'shadow' AND r.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
             AND r.name <> '_sqlx_migrations'
         ORDER BY r.name",
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut catalogue =
        Catalogue { keywords: KEYWORDS.iter().map(|word| (*word).to_owned()).collect(), ..Catalogue::default() };
    for (name, is_view, sql) in relations {
        let columns =
            sqlx::query_scalar("SELECT name FROM pragma_table_info(?)").bind(&name).fetch_all(&mut *conn).await?;
        catalogue.relations.push(Relation { name, is_view, columns, sql });
    }
    let functions = "SELECT DISTINCT name FROM pragma_function_list WHERE name GLOB '[a-z]*' ORDER BY name";
    catalogue.functions = sqlx::query_scalar(functions).fetch_all(&mut *conn).await?;
    Ok(catalogue)
}
